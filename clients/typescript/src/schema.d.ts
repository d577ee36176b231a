// Generated from components/web/openapi.json by `clients/typescript/run generate`. Do not edit.

export interface paths {
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a page for people: what this is, and a first conversation with it. */
        get: operations["show_welcome"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the public keys that access tokens verify with (RFC 7517). */
        get: operations["list_public_keys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/leads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sums up the tenant's leads.
         * @description **Who may:** owners, admins, members and viewers (the right `leads:read`); API keys with the scope `leads:read`.
         */
        get: operations["summarize_leads"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/analytics/payments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Counts and sums payments, by gateway and by day.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["summarize_payments"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the tenant's API keys, newest first, those that were revoked or have expired too.
         * @description **Who may:** owners and admins (the right `api_keys:write`); no API key.
         */
        get: operations["list_api_keys"];
        put?: never;
        /**
         * Makes an API key and shows it, once. A repeat with the same `Idempotency-Key` makes no second one and shows nothing:
         *     whoever lost the answer revokes the key that the refusal names, and makes another.
         * @description **Who may:** owners and admins (the right `api_keys:write`); no API key.
         */
        post: operations["create_api_key"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revokes an API key: every component refuses it from now on. Revoking it again changes nothing.
         * @description **Who may:** owners and admins (the right `api_keys:write`); no API key.
         */
        delete: operations["revoke_api_key"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/audit-log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the audit log of the tenant, newest first.
         * @description **Who may:** owners and admins (the right `audit_log:read`); API keys with the scope `audit_log:read`.
         */
        get: operations["list_audit_log"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/forgot-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends a token to whoever has the address, if anybody; the answer is the same for every address. */
        post: operations["forget_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says that the process answers. */
        get: operations["auth_healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/introspect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tells a neighbour what an access token or an API key opens now.
         * @description **Who may:** whoever has the service token.
         */
        post: operations["introspect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/jwt/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begins a session and gives its tokens; where the person has a second factor, asks for it first. */
        post: operations["log_in"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/jwt/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ends the caller's session: its tokens are refused from now on, by every component.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        post: operations["log_out"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/mfa": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Says which second factor the caller has.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        get: operations["find_mfa"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/mfa/recovery-codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Puts ten new recovery codes in the place of the old ones.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        post: operations["renew_recovery_codes"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/mfa/totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begins to enrol an authenticator app. Nothing changes until a code of it is confirmed.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        post: operations["enrol_totp"];
        /**
         * Removes the factor: log-in asks for the password alone.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        delete: operations["remove_totp"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/mfa/totp/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Confirms the app with a first code. From now on log-in asks for one.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        post: operations["confirm_totp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/mfa/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives the second factor and begins the session. */
        post: operations["give_factor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whether the component can do its work, and what it lacks if not. */
        get: operations["auth_readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Exchanges a refresh token for the next pair of tokens. Each works once; the one before gives the same successor again
         *     for 30 seconds, for clients that lost the answer. An older one ends the session: somebody has stolen it.
         */
        post: operations["refresh_session"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes an account with its first tenant, of which the person is the owner. */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/request-verify-token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends a token to whoever has the address and has not proven it, if anybody; the answer is the same for every address. */
        post: operations["request_verification"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/reset-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sets a new password with the token of a message. All sessions end. */
        post: operations["reset_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the caller's living sessions.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        get: operations["list_sessions"];
        put?: never;
        post?: never;
        /**
         * Ends all of the caller's sessions but the current one.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        delete: operations["revoke_other_sessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Ends one of the caller's sessions.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        delete: operations["revoke_session"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/switch-tenant": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Moves the caller's session to another of their tenants.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        post: operations["switch_tenant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Proves an address with the token of a message. Gives the account. */
        post: operations["verify_email"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/crm/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says that the process answers. */
        get: operations["crm_healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/crm/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whether the component can do its work, and what it lacks if not. */
        get: operations["crm_readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows this description to people, who can try its routes out there. */
        get: operations["show_docs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs/{component}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the routes of one component to people. */
        get: operations["show_component_docs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs/assets/{digest}/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A file of the page at `/docs`, whose address changes when any of them does. */
        get: operations["show_docs_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says that the process answers. */
        get: operations["events_healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whether the component can do its work, and what it lacks if not. */
        get: operations["events_readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/favicon.svg": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the sign in a browser's tab. */
        get: operations["favicon"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/gateways": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the gateways, what each can do, and the tenant's accounts there.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["list_gateways"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/gateways/{gateway}/account": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Gives an account, without its credentials.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["find_gateway_account"];
        /**
         * Saves the credentials of an account, and tries them. An account that the gateway did not take is saved all the same, with
         *     `verified_at` null. Its id, and so the webhook's address, stays when credentials are replaced.
         * @description **Who may:** owners and admins (the right `gateways:write`); no API key.
         */
        put: operations["put_gateway_account"];
        post?: never;
        /**
         * Forgets the credentials of an account. Payments made with it stay, and can be neither captured nor refunded until there are
         *     credentials again.
         * @description **Who may:** owners and admins (the right `gateways:write`); no API key.
         */
        delete: operations["remove_gateway_account"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/auth/reseal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Seals the seeds of second factors again that another key sealed than the first one, up to 1,000.
         * @description **Who may:** whoever has the service token.
         */
        post: operations["reseal_auth"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/auth/sweep": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Removes sessions, second steps of log-ins and mailed tokens that are long over, up to 1,000 of each.
         * @description **Who may:** whoever has the service token.
         */
        post: operations["sweep_auth"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists events, the newest first. What was delivered or skipped goes after seven days; what was given up stays.
         * @description **Who may:** whoever has the service token.
         */
        get: operations["list_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/events/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Takes up an event again that was given up: it is due at once, as if it were new.
         * @description **Who may:** whoever has the service token.
         */
        post: operations["replay_event"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/events/dispatch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Delivers up to 16 events that are due: each is posted to the mailer, signed as Standard Webhooks has it, and tried again
         *     with growing delays for about a day where it fails.
         * @description **Who may:** whoever has the service token.
         */
        post: operations["dispatch_events"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/metrics/auth": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many people there are, in the OpenMetrics text format.
         * @description **Who may:** whoever has the service token.
         */
        get: operations["read_auth_metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/metrics/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What waits in the outbox, in the OpenMetrics text format.
         * @description **Who may:** whoever has the service token.
         */
        get: operations["read_events_metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/metrics/payments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What waits in payments, in the OpenMetrics text format.
         * @description **Who may:** whoever has the service token.
         */
        get: operations["read_payments_metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/payments/reseal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Seals the credentials of gateway accounts again that another key sealed than the first one, up to 200.
         * @description **Who may:** whoever has the service token.
         */
        post: operations["reseal_payments"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/internal/payments/sweep": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Asks about up to 16 payments that are due for a look.
         * @description **Who may:** whoever has the service token.
         */
        post: operations["sweep_payments"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the tenant's invitations, newest first.
         * @description **Who may:** owners and admins (the right `members:write`); no API key.
         */
        get: operations["list_invitations"];
        put?: never;
        /**
         * Invites an address into the tenant; a message with a token goes there. An address has one pending invitation at most:
         *     withdraw it to send another.
         * @description **Who may:** owners and admins (the right `members:write`); no API key.
         */
        post: operations["create_invitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/invitations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Withdraws an invitation: its token opens nothing from now on. Withdrawing it again changes nothing.
         * @description **Who may:** owners and admins (the right `members:write`); no API key.
         */
        delete: operations["withdraw_invitation"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/invitations/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accepts an invitation with the token of its message. With an access token the person becomes a member, if the invitation
         *     went to their address; their session stays where it is. Without one an account is made for the invited address, verified,
         *     with the password that is given. Who is a member already keeps the higher of the two roles.
         * @description **Who may:** anybody, logged in or not; no API key.
         */
        post: operations["accept_invitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/leads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists leads.
         * @description **Who may:** owners, admins, members and viewers (the right `leads:read`); API keys with the scope `leads:read`.
         */
        get: operations["list_leads"];
        put?: never;
        /**
         * Adds a lead and scores it. The same email address may come twice.
         * @description **Who may:** owners, admins and members (the right `leads:write`); API keys with the scope `leads:write`.
         */
        post: operations["create_lead"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/leads/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Gives a lead.
         * @description **Who may:** owners, admins, members and viewers (the right `leads:read`); API keys with the scope `leads:read`.
         */
        get: operations["find_lead"];
        put?: never;
        post?: never;
        /**
         * Deletes a lead.
         * @description **Who may:** owners, admins and members (the right `leads:write`); API keys with the scope `leads:write`.
         */
        delete: operations["delete_lead"];
        options?: never;
        head?: never;
        /**
         * Changes fields of a lead and scores it anew. An absent field stays as it is; null clears one that is optional.
         * @description **Who may:** owners, admins and members (the right `leads:write`); API keys with the scope `leads:write`.
         */
        patch: operations["update_lead"];
        trace?: never;
    };
    "/leads/{id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Moves a lead to another status. NEW goes to CONTACTED, QUALIFIED or LOST; CONTACTED to QUALIFIED, PROPOSAL or LOST;
         *     QUALIFIED to CONTACTED, PROPOSAL, WON or LOST; PROPOSAL to QUALIFIED, WON or LOST; LOST to CONTACTED; WON nowhere.
         * @description **Who may:** owners, admins and members (the right `leads:write`); API keys with the scope `leads:write`.
         */
        post: operations["move_lead"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/leads/{id}/status-changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the moves of a lead, oldest first.
         * @description **Who may:** owners, admins, members and viewers (the right `leads:read`); API keys with the scope `leads:read`.
         */
        get: operations["list_lead_status_changes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ledger/balances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists what each account of the ledger holds, by currency and gateway.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["list_ledger_balances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ledger/entries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the entries of the ledger, the newest first.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["list_ledger_entries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ledger/reconciliation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Compares what a gateway lists with what we hold, payment by payment. Payments of the window are those that were created in it,
         *     by our clock; what the gateway took for others of ours is compared as well.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["reconcile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/memberships": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the tenant's members, the oldest membership first.
         * @description **Who may:** owners, admins, members and viewers (the right `members:read`); API keys with the scope `members:read`.
         */
        get: operations["list_memberships"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/memberships/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Ends a membership: one's own, which everybody may, or that of somebody whose role one manages. The account stays, and
         *     so do its sessions; tokens for this tenant are refused from now on.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        delete: operations["end_membership"];
        options?: never;
        head?: never;
        /**
         * Gives a member another role, from their next request on. Owners manage everybody; administrators all but owners.
         * @description **Who may:** owners and admins (the right `members:write`); no API key.
         */
        patch: operations["change_membership"];
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describes every route of every component, as OpenAPI 3.1. */
        get: operations["show_description"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi/{document}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describes the routes of one component, as OpenAPI 3.1: a whole document, with the schemas that it needs and no other. */
        get: operations["show_component_description"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists payments, the newest first.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["list_payments"];
        put?: never;
        /**
         * Creates a payment at a gateway. What the payer must do next is in `next_action`; a payment that was declined is created all
         *     the same, and `failed`.
         * @description **Who may:** owners, admins and members (the right `payments:write`); API keys with the scope `payments:write`.
         */
        post: operations["create_payment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Gives a payment.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["find_payment"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Lets go of money that is held, or withdraws a payment that nobody has paid. Where a gateway cannot take it back, the payer
         *     may still pay: then the payment comes back as a late success.
         * @description **Who may:** owners, admins and members (the right `payments:write`); API keys with the scope `payments:write`.
         */
        post: operations["cancel_payment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/{id}/capture": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Takes money that is held. Where the gateway can, several captures may each take a part.
         * @description **Who may:** owners, admins and members (the right `payments:write`); API keys with the scope `payments:write`.
         */
        post: operations["capture_payment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists what happened to a payment, oldest first.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["list_payment_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/{id}/refunds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the refunds of a payment, oldest first, those that were made at the gateway itself too.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["list_refunds"];
        put?: never;
        /**
         * Returns money. A refund that the gateway would not make is created all the same, and `failed`; one that is not certain yet is
         *     `pending`, and one that succeeded may still fail.
         * @description **Who may:** owners, admins and members (the right `payments:refund`); API keys with the scope `payments:refund`.
         */
        post: operations["create_refund"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/{id}/sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Asks the gateway how a payment is, and goes on with what is open. Nothing waits for this: webhooks, returning payers and the
         *     sweep do the same.
         * @description **Who may:** owners, admins and members (the right `payments:write`); API keys with the scope `payments:write`.
         */
        post: operations["sync_payment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says that the process answers. */
        get: operations["payments_healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whether the component can do its work, and what it lacks if not. */
        get: operations["payments_readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/return/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Takes a payer back whose gateway sends them with a link. */
        get: operations["return_payer"];
        put?: never;
        /** Takes a payer back whose gateway sends them with a form. */
        post: operations["return_payer_by_form"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/routing": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Gives the tenant's routing.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["find_payment_routing"];
        /**
         * Replaces the tenant's routing. Payments that are there stay where they are.
         * @description **Who may:** owners and admins (the right `gateways:write`); no API key.
         */
        put: operations["put_payment_routing"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payments/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Gives the tenant's rules for payments.
         * @description **Who may:** owners, admins, members and viewers (the right `payments:read`); API keys with the scope `payments:read`.
         */
        get: operations["find_payment_settings"];
        /**
         * Replaces the tenant's rules for payments.
         * @description **Who may:** owners and admins (the right `gateways:write`); no API key.
         */
        put: operations["put_payment_settings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/robots.txt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Asks crawlers to stay away. */
        get: operations["robots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tenants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists the caller's tenants with what they are in each, the one that they joined first first.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        get: operations["list_tenants"];
        put?: never;
        /**
         * Makes a tenant that the caller owns. Their session stays where it is: `POST /auth/switch-tenant` goes there.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        post: operations["create_tenant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tenants/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Gives the tenant that the token names.
         * @description **Who may:** owners, admins, members and viewers (the right `tenant:read`); API keys with the scope `tenant:read`.
         */
        get: operations["find_tenant"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Changes the name and the policies of the tenant that the token names.
         * @description **Who may:** owners (the right `tenant:write`); no API key.
         */
        patch: operations["change_tenant"];
        trace?: never;
    };
    "/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Gives a member's account.
         * @description **Who may:** owners and admins (the right `users:write`); no API key.
         */
        get: operations["find_user"];
        put?: never;
        post?: never;
        /**
         * Ends a membership, and the account with the last one: its address is free again and nothing personal stays.
         * @description **Who may:** owners and admins (the right `users:write`); no API key.
         */
        delete: operations["delete_user"];
        options?: never;
        head?: never;
        /**
         * Changes a member's account: address, password, whether it is active.
         * @description **Who may:** owners and admins (the right `users:write`); no API key.
         */
        patch: operations["change_user"];
        trace?: never;
    };
    "/users/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Gives the caller's own account.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        get: operations["find_me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Changes the caller's own account. `is_active`, `is_superuser` and `is_verified` are taken and ignored.
         * @description **Who may:** every person who is logged in, for themselves; no API key.
         */
        patch: operations["change_me"];
        trace?: never;
    };
    "/webhooks/{gateway}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The same without an account in the address, for gateways that were given one address for all: the message must name the
         *     payment. It is verified with the secret of that payment's account.
         */
        post: operations["receive_bare_webhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/webhooks/{gateway}/{account}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes a message of a gateway. Repeats are taken and change nothing. */
        post: operations["receive_webhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description A side of an entry.
         * @enum {string}
         */
        Account: "gateway" | "sales" | "refunds" | "fees" | "disputes";
        /**
         * @description A person as clients of fastapi-users know one, and the tenant that they act in.
         * @example {
         *       "email": "ada@example.com",
         *       "id": "usr_01h455vb4pex5vsknk084sn02q",
         *       "is_active": true,
         *       "is_superuser": false,
         *       "is_verified": true,
         *       "tenant": {
         *         "id": "ten_01h455vb4pex5vsknk084sn02q",
         *         "name": "Analytical Engines",
         *         "role": "owner",
         *         "slug": "analytical-engines"
         *       }
         *     }
         */
        AccountView: {
            /** @example ada@example.com */
            email: string;
            /** @example usr_01h455vb4pex5vsknk084sn02q */
            id: string;
            is_active: boolean;
            is_superuser: boolean;
            is_verified: boolean;
            tenant: null | components["schemas"]["TenantView"];
        };
        /**
         * @description A key, without what makes it one.
         * @example {
         *       "created_at": "2026-01-31T09:30:00.123456Z",
         *       "created_by": "usr_01h455vb4pex5vsknk084sn02q",
         *       "expires_at": null,
         *       "id": "key_01h455vb4pex5vsknk084sn02q",
         *       "last_used_at": "2026-02-01T02:00:00Z",
         *       "name": "nightly import",
         *       "prefix": "bizo_Yx3kQ0v",
         *       "revoked_at": null,
         *       "scopes": [
         *         "leads:read",
         *         "leads:write"
         *       ]
         *     }
         */
        ApiKey: {
            /** Format: date-time */
            created_at: string;
            /** @example usr_01h455vb4pex5vsknk084sn02q */
            created_by: string;
            /** Format: date-time */
            expires_at: string | null;
            /** @example key_01h455vb4pex5vsknk084sn02q */
            id: string;
            /**
             * Format: date-time
             * @description To the minute; null until it is used.
             */
            last_used_at: string | null;
            /** @example nightly import */
            name: string;
            /**
             * @description The first characters of the key.
             * @example bizo_Yx3kQ0v
             */
            prefix: string;
            /** Format: date-time */
            revoked_at: string | null;
            /**
             * @example [
             *       "leads:read",
             *       "leads:write"
             *     ]
             */
            scopes: components["schemas"]["Scope"][];
        };
        /**
         * @description An entry of the audit log.
         * @example {
         *       "action": "api_key.created",
         *       "actor": "usr_01h455vb4pex5vsknk084sn02q",
         *       "address": "203.0.113.9",
         *       "api_key": null,
         *       "at": "2026-01-31T09:30:00.123456Z",
         *       "details": {
         *         "expires_at": null,
         *         "name": "nightly import",
         *         "prefix": "bizo_Yx3kQ0v",
         *         "scopes": [
         *           "leads:read",
         *           "leads:write"
         *         ]
         *       },
         *       "id": "aud_01h455vb4pex5vsknk084sn02q",
         *       "request_id": "req_01h455vb4pex5vsknk084sn02q",
         *       "target": {
         *         "id": "key_01h455vb4pex5vsknk084sn02q",
         *         "type": "api_key"
         *       },
         *       "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
         *     }
         */
        AuditEntry: {
            /**
             * @description What was done: the thing, a dot, and what happened to it.
             * @example api_key.created
             */
            action: string;
            /**
             * @description The person who did it; null for what happened without somebody who was known.
             * @example usr_01h455vb4pex5vsknk084sn02q
             */
            actor: string | null;
            /**
             * @description The address that the request came from.
             * @example 203.0.113.9
             */
            address: string | null;
            /**
             * @description The API key that it was done with; null for people.
             * @example null
             */
            api_key: string | null;
            /** Format: date-time */
            at: string;
            /** @description More about it; which members there are depends on `action`. */
            details: Record<string, never>;
            /** @example aud_01h455vb4pex5vsknk084sn02q */
            id: string;
            /**
             * @description Names the request in the log.
             * @example req_01h455vb4pex5vsknk084sn02q
             */
            request_id: string | null;
            target: null | components["schemas"]["AuditTarget"];
            /** @description What the client called itself. */
            user_agent: string | null;
        };
        /** @description Whom or what something was done to. */
        AuditTarget: {
            /** @example key_01h455vb4pex5vsknk084sn02q */
            id: string;
            type: components["schemas"]["AuditTargetType"];
        };
        /**
         * @description The kinds of things that the audit log names.
         * @enum {string}
         */
        AuditTargetType: "user" | "session" | "tenant" | "membership" | "invitation" | "api_key" | "gateway_account" | "payment" | "refund";
        /** @description What an account holds. */
        Balance: {
            account: components["schemas"]["Account"];
            /**
             * Format: int64
             * @description Debits minus credits, in minor units.
             */
            balance: number;
            /** @example EUR */
            currency: string;
            gateway: components["schemas"]["Gateway"];
        };
        /**
         * @description What all accounts hold.
         * @example {
         *       "data": [
         *         {
         *           "account": "gateway",
         *           "balance": 799,
         *           "currency": "EUR",
         *           "gateway": "test"
         *         },
         *         {
         *           "account": "refunds",
         *           "balance": 300,
         *           "currency": "EUR",
         *           "gateway": "test"
         *         },
         *         {
         *           "account": "sales",
         *           "balance": -1099,
         *           "currency": "EUR",
         *           "gateway": "test"
         *         }
         *       ]
         *     }
         */
        Balances: {
            /** @description The balances of one currency sum to zero. */
            data: components["schemas"]["Balance"][];
        };
        /** @description What a gateway can do; what it cannot is refused before it is asked. */
        Capabilities: {
            /** @description Let go of what is held. */
            cancel_authorized: boolean;
            /** @description Withdraw what nobody has paid yet; without it the payer could still pay, and that would come as a late success. */
            cancel_unpaid: boolean;
            /** @description What it must know of the customer. */
            customer: string[];
            flows: components["schemas"]["Flow"][];
            /** @description Say what it took between two moments, for `GET /ledger/reconciliation`. */
            lists_payments: boolean;
            /** @description The flows in which it can hold the money first and take it later. */
            manual_capture: components["schemas"]["Flow"][];
            /** @description Whether the tenant needs an account there. */
            needs_account: boolean;
            /** @description Take less than is held. */
            partial_capture: boolean;
            partial_refund: boolean;
        };
        /**
         * @description Whether the money is taken with the payer's consent, or only held until a capture.
         * @enum {string}
         */
        CaptureMethod: "automatic" | "manual";
        /**
         * @description A company's name.
         * @example Analytical Engines
         */
        CompanyName: string;
        /**
         * @description A country's code in ISO 3166-1 alpha-2, upper case.
         * @example GB
         */
        Country: string;
        /**
         * @description A key that was just made.
         * @example {
         *       "created_at": "2026-01-31T09:30:00.123456Z",
         *       "created_by": "usr_01h455vb4pex5vsknk084sn02q",
         *       "expires_at": null,
         *       "id": "key_01h455vb4pex5vsknk084sn02q",
         *       "key": "bizo_Yx3kQ0vNf1m9pW2rT7sLc4dZ8hJbG6aEuVoKiXyMnPt",
         *       "last_used_at": null,
         *       "name": "nightly import",
         *       "prefix": "bizo_Yx3kQ0v",
         *       "revoked_at": null,
         *       "scopes": [
         *         "leads:read",
         *         "leads:write"
         *       ]
         *     }
         */
        CreatedApiKey: components["schemas"]["ApiKey"] & {
            /**
             * @description The key itself, for `Authorization: Bearer`. It is never shown again.
             * @example bizo_Yx3kQ0vNf1m9pW2rT7sLc4dZ8hJbG6aEuVoKiXyMnPt
             */
            key: string;
        };
        /** @description Who pays, as far as the tenant says. Some gateways want it: PayU asks for a name, an address and a phone number. */
        Customer: {
            /**
             * @description Where they pay from, by ISO 3166-1: what the tenant's routing goes by.
             * @example GB
             */
            country?: string | null;
            /** @example ada@example.com */
            email?: string | null;
            /** @example Ada Lovelace */
            name?: string | null;
            /** @example +442079460018 */
            phone?: string | null;
        };
        /** @description Payments made on one day (UTC), of one currency. */
        DayFigures: {
            /**
             * Format: int64
             * @description In minor units.
             */
            captured: number;
            /** @example EUR */
            currency: string;
            /** Format: date */
            day: string;
            /** Format: int64 */
            payments: number;
            /**
             * Format: int64
             * @description In minor units.
             */
            refunded: number;
            /** Format: int64 */
            succeeded: number;
            /** Format: int64 */
            unsuccessful: number;
        };
        /**
         * @description How the two lists differ.
         * @enum {string}
         */
        DifferenceKind: "missing_here" | "missing_there" | "amounts_differ";
        /**
         * @description What became of the events that were due.
         * @example {
         *       "claimed": 5,
         *       "dead": 0,
         *       "delivered": 3,
         *       "failed": 1,
         *       "skipped": 1
         *     }
         */
        Dispatched: {
            /**
             * Format: int32
             * @description How many were taken; as many as 16 say that there may be more.
             */
            claimed: number;
            /**
             * Format: int32
             * @description Given up.
             */
            dead: number;
            /**
             * Format: int32
             * @description The receiver took them.
             */
            delivered: number;
            /**
             * Format: int32
             * @description To be tried again later.
             */
            failed: number;
            /**
             * Format: int32
             * @description There was nothing to send.
             */
            skipped: number;
        };
        /**
         * @description How a dispute is.
         * @enum {string}
         */
        DisputeState: "open" | "won" | "lost";
        /**
         * @description Where to write to. The same address may belong to several leads.
         * @example ada@example.com
         */
        Email: string;
        /**
         * @description An event, without what it holds.
         * @example {
         *       "attempts": 1,
         *       "created_at": "2026-01-31T09:30:00.123456Z",
         *       "id": "evt_01h455vb4pex5vsknk084sn02q",
         *       "last_error": "status 500",
         *       "next_attempt_at": "2026-01-31T09:30:06.412587Z",
         *       "settled_at": null,
         *       "state": "pending",
         *       "tenant_id": "ten_01h455vb4pex5vsknk084sn02q",
         *       "type": "mail.verification"
         *     }
         */
        Event: {
            /**
             * Format: int32
             * @description How often it was tried.
             */
            attempts: number;
            /** Format: date-time */
            created_at: string;
            /**
             * @description The receiver knows it by this id.
             * @example evt_01h455vb4pex5vsknk084sn02q
             */
            id: string;
            /**
             * @description Why the last attempt failed.
             * @example status 500
             */
            last_error: string | null;
            /**
             * Format: date-time
             * @description When it will be tried again; null unless it is pending.
             */
            next_attempt_at: string | null;
            /**
             * Format: date-time
             * @description When it was delivered, skipped or given up.
             */
            settled_at: string | null;
            /**
             * @description What an event may be.
             * @enum {string}
             */
            state: "pending" | "delivered" | "skipped" | "dead";
            /**
             * @description Whose it is; null for what concerns no tenant.
             * @example ten_01h455vb4pex5vsknk084sn02q
             */
            tenant_id: string | null;
            /**
             * @description What happened, or what is to be sent.
             * @example mail.verification
             */
            type: string;
        };
        /**
         * @description Our short list of reasons. What a gateway says beyond it is in `gateway_code`.
         * @enum {string}
         */
        FailureCode: "declined" | "insufficient_funds" | "expired_card" | "authentication_failed" | "suspected_fraud" | "abandoned" | "credentials_refused" | "throttled" | "unreachable" | "refused" | "never_confirmed";
        /** @description One thing that is wrong with one place of the input. */
        FieldError: {
            /** @description What is wrong with it. */
            detail: string;
            /** @description Which parameter of the query. */
            parameter?: string | null;
            /** @description Where in the body, as a JSON pointer (RFC 6901). */
            pointer?: string | null;
        };
        /** @description A first code of the app. */
        FirstCode: {
            /**
             * @description The six digits that the app shows.
             * @example 492039
             */
            code: string;
        };
        /**
         * @description Where the payer pays.
         * @enum {string}
         */
        Flow: "redirect" | "sdk";
        /** @description The password again, because a session alone is not enough here. */
        FreshPassword: {
            /** @example correct horse battery staple */
            password: string;
        };
        /**
         * @description Who takes the money.
         * @enum {string}
         */
        Gateway: "paypal" | "payu" | "razorpay" | "stripe" | "test";
        /**
         * @description An account at a gateway, without its credentials.
         * @example {
         *       "created_at": "2026-01-31T09:30:00.123456Z",
         *       "credentials": {
         *         "secret_key": "x7Qa",
         *         "webhook_secret": "9f3c"
         *       },
         *       "gateway": "stripe",
         *       "id": "gwa_01h455vb4pex5vsknk084sn02q",
         *       "mode": "test",
         *       "previous_webhook_secret_until": null,
         *       "updated_at": "2026-01-31T09:30:00.123456Z",
         *       "verified_at": "2026-01-31T09:30:00.123456Z",
         *       "webhook_url": "https://api.example.com/webhooks/stripe/gwa_01h455vb4pex5vsknk084sn02q"
         *     }
         */
        GatewayAccount: {
            /** Format: date-time */
            created_at: string;
            /**
             * @description The last four characters of each credential.
             * @example {
             *       "secret_key": "x7Qa",
             *       "webhook_secret": "9f3c"
             *     }
             */
            credentials: {
                [key: string]: string;
            };
            gateway: components["schemas"]["Gateway"];
            /** @example gwa_01h455vb4pex5vsknk084sn02q */
            id: string;
            mode: components["schemas"]["Mode"];
            /**
             * Format: date-time
             * @description Until then the webhook secret before this one is valid as well.
             */
            previous_webhook_secret_until: string | null;
            /** Format: date-time */
            updated_at: string;
            /**
             * Format: date-time
             * @description When the gateway last took the credentials; null where it did not, or could not be asked.
             */
            verified_at: string | null;
            /**
             * @description Enter this address at the gateway.
             * @example https://api.example.com/webhooks/stripe/gwa_01h455vb4pex5vsknk084sn02q
             */
            webhook_url: string;
        };
        /** @description A gateway and what it can do. */
        GatewayDescription: {
            /** @description The tenant's accounts there. */
            accounts: components["schemas"]["GatewayAccount"][];
            capabilities: components["schemas"]["Capabilities"];
            /**
             * @description What an account there consists of.
             * @example [
             *       "secret_key",
             *       "webhook_secret"
             *     ]
             */
            credentials: string[];
            gateway: components["schemas"]["Gateway"];
        };
        /**
         * @description All gateways.
         * @example {
         *       "data": [
         *         {
         *           "accounts": [
         *             {
         *               "created_at": "2026-01-31T09:30:00.123456Z",
         *               "credentials": {
         *                 "secret_key": "x7Qa",
         *                 "webhook_secret": "9f3c"
         *               },
         *               "gateway": "stripe",
         *               "id": "gwa_01h455vb4pex5vsknk084sn02q",
         *               "mode": "test",
         *               "previous_webhook_secret_until": null,
         *               "updated_at": "2026-01-31T09:30:00.123456Z",
         *               "verified_at": "2026-01-31T09:30:00.123456Z",
         *               "webhook_url": "https://api.example.com/webhooks/stripe/gwa_01h455vb4pex5vsknk084sn02q"
         *             }
         *           ],
         *           "capabilities": {
         *             "cancel_authorized": true,
         *             "cancel_unpaid": true,
         *             "customer": [],
         *             "flows": [
         *               "redirect",
         *               "sdk"
         *             ],
         *             "lists_payments": true,
         *             "manual_capture": [
         *               "redirect",
         *               "sdk"
         *             ],
         *             "needs_account": true,
         *             "partial_capture": true,
         *             "partial_refund": true
         *           },
         *           "credentials": [
         *             "secret_key",
         *             "webhook_secret"
         *           ],
         *           "gateway": "stripe"
         *         },
         *         {
         *           "accounts": [],
         *           "capabilities": {
         *             "cancel_authorized": true,
         *             "cancel_unpaid": true,
         *             "customer": [],
         *             "flows": [
         *               "redirect",
         *               "sdk"
         *             ],
         *             "lists_payments": false,
         *             "manual_capture": [
         *               "redirect",
         *               "sdk"
         *             ],
         *             "needs_account": false,
         *             "partial_capture": true,
         *             "partial_refund": true
         *           },
         *           "credentials": [],
         *           "gateway": "test"
         *         }
         *       ]
         *     }
         */
        GatewayDescriptions: {
            data: components["schemas"]["GatewayDescription"][];
        };
        /** @description Payments of one gateway and currency. */
        GatewayFigures: {
            /**
             * Format: int64
             * @description In minor units.
             */
            captured: number;
            /** @example EUR */
            currency: string;
            gateway: components["schemas"]["Gateway"];
            /** Format: int64 */
            payments: number;
            /**
             * Format: int64
             * @description In minor units.
             */
            refunded: number;
            /** Format: int64 */
            refunded_payments: number;
            /**
             * Format: int64
             * @description Held or captured, now or before a refund.
             */
            succeeded: number;
            /**
             * Format: int64
             * @description Failed, expired or canceled.
             */
            unsuccessful: number;
        };
        /** @description The gateway's names for a payment. */
        GatewayRefs: {
            capture: string | null;
            /** @description The session, order or link. */
            order: string | null;
            payment: string | null;
        };
        /** @description The second step of a log-in: one of the two codes. Holds secrets, so it has no `Debug`. */
        GivenFactor: {
            /**
             * @description The six digits that the app shows.
             * @example 492039
             */
            code?: string | null;
            /** @description What the first step gave. */
            mfa_token: string;
            /**
             * @description One of the ten recovery codes, in place of `code`.
             * @example 1kq5-93dm-x8ea-7w0r
             */
            recovery_code?: string | null;
        };
        /**
         * @description The process answers.
         * @example {
         *       "status": "ok"
         *     }
         */
        Health: {
            /**
             * @description Always `ok`.
             * @example ok
             */
            status: string;
        };
        /**
         * @description What the token or key opens now; nothing but `active` where it opens nothing.
         * @example {
         *       "active": true,
         *       "aud": "bizosaas",
         *       "exp": 1769852400,
         *       "iat": 1769851800,
         *       "iss": "bizosaas",
         *       "jti": "tok_01h455vb4pex5vsknk084sn02q",
         *       "nbf": 1769851800,
         *       "role": "viewer",
         *       "scope": "tenant:read members:read leads:read payments:read",
         *       "sid": "ses_01h455vb4pex5vsknk084sn02q",
         *       "sub": "usr_01h455vb4pex5vsknk084sn02r",
         *       "tid": "ten_01h455vb4pex5vsknk084sn02q",
         *       "token_type": "Bearer"
         *     }
         */
        Introspection: {
            active: boolean;
            aud?: string | null;
            /**
             * Format: int64
             * @description When it ends, in seconds of Unix time; absent for a key that does not end by itself.
             */
            exp?: number | null;
            /** Format: int64 */
            iat?: number | null;
            iss?: string | null;
            /** @example tok_01h455vb4pex5vsknk084sn02q */
            jti?: string | null;
            /**
             * @description The API key.
             * @example key_01h455vb4pex5vsknk084sn02q
             */
            key_id?: string | null;
            /** Format: int64 */
            nbf?: number | null;
            role?: null | components["schemas"]["Role"];
            /**
             * @description The rights that it opens now, with spaces between.
             * @example tenant:read leads:read
             */
            scope?: string | null;
            /**
             * @description The session of the token.
             * @example ses_01h455vb4pex5vsknk084sn02q
             */
            sid?: string | null;
            /**
             * @description The person.
             * @example usr_01h455vb4pex5vsknk084sn02q
             */
            sub?: string | null;
            /**
             * @description The tenant.
             * @example ten_01h455vb4pex5vsknk084sn02q
             */
            tid?: string | null;
            /** @description `Bearer`, for an access token. */
            token_type?: string | null;
        };
        /** @description What is asked for. */
        IntrospectionForm: {
            /** @description An access token or an API key. */
            token: string;
            /** @description Taken and not needed: a token shows what it is. */
            token_type_hint?: string | null;
        };
        /**
         * @description An invitation, without the token that accepts it.
         * @example {
         *       "created_at": "2026-01-31T09:30:00.123456Z",
         *       "email": "charles@example.com",
         *       "expires_at": "2026-02-07T09:30:00.123456Z",
         *       "id": "inv_01h455vb4pex5vsknk084sn02q",
         *       "invited_by": "usr_01h455vb4pex5vsknk084sn02q",
         *       "role": "member",
         *       "status": "pending"
         *     }
         */
        Invitation: {
            /** Format: date-time */
            created_at: string;
            /** @example charles@example.com */
            email: string;
            /**
             * Format: date-time
             * @description Seven days after it was made.
             */
            expires_at: string;
            /** @example inv_01h455vb4pex5vsknk084sn02q */
            id: string;
            /** @example usr_01h455vb4pex5vsknk084sn02q */
            invited_by: string;
            role: components["schemas"]["Role"];
            status: components["schemas"]["InvitationStatus"];
        };
        /**
         * @description What became of an invitation.
         * @enum {string}
         */
        InvitationStatus: "pending" | "accepted" | "expired" | "withdrawn";
        /** @description The token of an invitation, and for somebody without an account a password. */
        InvitationToken: {
            /**
             * @description For a new account, by the rules of registering; wanted where the address has none and nobody is logged in, and not
             *     allowed with an access token.
             * @example correct horse battery staple
             */
            password?: string | null;
            token: string;
        };
        /**
         * @description What somebody is in their company.
         * @example CEO
         */
        JobTitle: string;
        /**
         * @description Where somebody is a member now.
         * @example {
         *       "tenant": {
         *         "id": "ten_01h455vb4pex5vsknk084sn02q",
         *         "name": "Analytical Engines",
         *         "role": "member",
         *         "slug": "analytical-engines"
         *       }
         *     }
         */
        JoinedTenant: {
            tenant: components["schemas"]["TenantView"];
        };
        /**
         * @description A lead.
         * @example {
         *       "company": "Analytical Engines",
         *       "country": "GB",
         *       "created_at": "2026-01-31T09:30:00.123456Z",
         *       "email": "ada@example.com",
         *       "first_name": "Ada",
         *       "id": "led_01h455vb4pex5vsknk084sn02q",
         *       "job_title": "CEO",
         *       "last_name": "Lovelace",
         *       "notes": null,
         *       "phone": null,
         *       "priority": "URGENT",
         *       "priority_set_at": null,
         *       "score": 100,
         *       "score_reasons": [
         *         {
         *           "points": 50,
         *           "rule": "base"
         *         },
         *         {
         *           "points": 20,
         *           "rule": "company"
         *         },
         *         {
         *           "points": 20,
         *           "rule": "job_title_ceo"
         *         },
         *         {
         *           "points": 20,
         *           "rule": "source_referral"
         *         }
         *       ],
         *       "source": "REFERRAL",
         *       "status": "NEW",
         *       "updated_at": "2026-01-31T09:30:00.123456Z",
         *       "website": null
         *     }
         */
        Lead: {
            company: null | components["schemas"]["CompanyName"];
            country: null | components["schemas"]["Country"];
            /** Format: date-time */
            created_at: string;
            email: components["schemas"]["Email"];
            first_name: null | components["schemas"]["PersonName"];
            /** @example led_01h455vb4pex5vsknk084sn02q */
            id: string;
            job_title: null | components["schemas"]["JobTitle"];
            last_name: null | components["schemas"]["PersonName"];
            notes: null | components["schemas"]["Notes"];
            phone: null | components["schemas"]["Phone"];
            priority: components["schemas"]["Priority"];
            /**
             * Format: date-time
             * @description When a person set the priority; null while it follows the score.
             */
            priority_set_at: string | null;
            /**
             * Format: int32
             * @description How good the lead looks: 0 to 100.
             * @example 100
             */
            score: number;
            /** @description The rules that fired. Their points may sum to more than the score, which ends at 100. */
            score_reasons: components["schemas"]["ScoreReason"][];
            source: components["schemas"]["Source"];
            status: components["schemas"]["Status"];
            /**
             * Format: date-time
             * @description When the lead was last changed or moved.
             */
            updated_at: string;
            website: null | components["schemas"]["Website"];
        };
        /**
         * @description The figures of a tenant's leads.
         * @example {
         *       "average_score": 71.35,
         *       "by_priority": {
         *         "HIGH": 51,
         *         "LOW": 28,
         *         "MEDIUM": 92,
         *         "URGENT": 29
         *       },
         *       "by_source": {
         *         "COLD_OUTREACH": 13,
         *         "EMAIL_CAMPAIGN": 25,
         *         "EVENT": 18,
         *         "OTHER": 6,
         *         "PAID_ADS": 19,
         *         "REFERRAL": 34,
         *         "SOCIAL_MEDIA": 27,
         *         "WEBSITE": 58
         *       },
         *       "by_status": {
         *         "CONTACTED": 48,
         *         "LOST": 15,
         *         "NEW": 64,
         *         "PROPOSAL": 17,
         *         "QUALIFIED": 31,
         *         "WON": 25
         *       },
         *       "conversion_rate": 0.125,
         *       "per_day": [
         *         {
         *           "count": 12,
         *           "date": "2026-01-25"
         *         },
         *         {
         *           "count": 41,
         *           "date": "2026-01-26"
         *         },
         *         {
         *           "count": 44,
         *           "date": "2026-01-27"
         *         },
         *         {
         *           "count": 38,
         *           "date": "2026-01-28"
         *         },
         *         {
         *           "count": 33,
         *           "date": "2026-01-29"
         *         },
         *         {
         *           "count": 25,
         *           "date": "2026-01-30"
         *         },
         *         {
         *           "count": 7,
         *           "date": "2026-01-31"
         *         }
         *       ],
         *       "score_histogram": [
         *         {
         *           "count": 0,
         *           "from": 0,
         *           "to": 9
         *         },
         *         {
         *           "count": 0,
         *           "from": 10,
         *           "to": 19
         *         },
         *         {
         *           "count": 0,
         *           "from": 20,
         *           "to": 29
         *         },
         *         {
         *           "count": 0,
         *           "from": 30,
         *           "to": 39
         *         },
         *         {
         *           "count": 0,
         *           "from": 40,
         *           "to": 49
         *         },
         *         {
         *           "count": 28,
         *           "from": 50,
         *           "to": 59
         *         },
         *         {
         *           "count": 69,
         *           "from": 60,
         *           "to": 69
         *         },
         *         {
         *           "count": 31,
         *           "from": 70,
         *           "to": 79
         *         },
         *         {
         *           "count": 43,
         *           "from": 80,
         *           "to": 89
         *         },
         *         {
         *           "count": 29,
         *           "from": 90,
         *           "to": 100
         *         }
         *       ],
         *       "total": 200
         *     }
         */
        LeadAnalytics: {
            /**
             * Format: double
             * @description With two decimals; null without leads.
             * @example 71.35
             */
            average_score: number | null;
            /** @description By priority; each is there. */
            by_priority: {
                [key: string]: number;
            };
            /** @description By source; each is there. */
            by_source: {
                [key: string]: number;
            };
            /** @description By status; each is there. */
            by_status: {
                [key: string]: number;
            };
            /**
             * Format: double
             * @description Leads that are WON among all leads, those still open included: 0 to 1, with four decimals; null without leads.
             * @example 0.125
             */
            conversion_rate: number | null;
            /**
             * @description How many leads each day of UTC brought, first day first, days without any included: the days of the period, or
             *     its last 30 days if it has no beginning.
             */
            per_day: components["schemas"]["LeadsOfDay"][];
            /** @description Ten steps: 0 to 9, 10 to 19 … 90 to 100. */
            score_histogram: components["schemas"]["ScoreStep"][];
            /**
             * Format: int64
             * @description How many leads there are.
             * @example 200
             */
            total: number;
        };
        /** @description What to change of a lead: an absent field stays as it is, null clears one that is optional. */
        LeadChanges: {
            company?: null | components["schemas"]["CompanyName"];
            country?: null | components["schemas"]["Country"];
            email?: components["schemas"]["Email"];
            first_name?: null | components["schemas"]["PersonName"];
            job_title?: null | components["schemas"]["JobTitle"];
            last_name?: null | components["schemas"]["PersonName"];
            notes?: null | components["schemas"]["Notes"];
            phone?: null | components["schemas"]["Phone"];
            priority?: null | components["schemas"]["Priority"];
            source?: components["schemas"]["Source"];
            website?: null | components["schemas"]["Website"];
        };
        /** @description How many leads a day brought. */
        LeadsOfDay: {
            /**
             * Format: int64
             * @description Leads that were created on that day and are not deleted.
             * @example 7
             */
            count: number;
            /**
             * Format: date
             * @example 2026-01-31
             */
            date: string;
        };
        /**
         * @description An entry: an amount that went from one account to another. Entries are never changed.
         * @example {
         *       "amount": 1099,
         *       "at": "2026-01-31T09:30:00.123456Z",
         *       "credit": "sales",
         *       "currency": "EUR",
         *       "debit": "gateway",
         *       "gateway": "test",
         *       "mode": "test",
         *       "payment": "pay_01h455vb4pex5vsknk084sn02q",
         *       "refund": null,
         *       "type": "capture"
         *     }
         */
        LedgerEntry: {
            /**
             * Format: int64
             * @description In minor units, more than zero.
             * @example 1099
             */
            amount: number;
            /** Format: date-time */
            at: string;
            credit: components["schemas"]["Account"];
            /** @example EUR */
            currency: string;
            debit: components["schemas"]["Account"];
            gateway: components["schemas"]["Gateway"];
            mode: components["schemas"]["Mode"];
            /** @example pay_01h455vb4pex5vsknk084sn02q */
            payment: string;
            refund: string | null;
            /**
             * @description `capture`, `refund`, `refund_reversal`, `fee`, `dispute` or `dispute_reversal`.
             * @example capture
             */
            type: string;
        };
        /** @description What logging in gives: the tokens, or where a second factor is owed, a challenge. */
        LoggedIn: components["schemas"]["SessionTokens"] | components["schemas"]["MfaChallenge"];
        /** @description The form of OAuth 2.0's password grant, as fastapi-users takes it. Holds a password, so it has no `Debug`. */
        LogIn: {
            /**
             * @deprecated
             * @description Taken and ignored, as fastapi-users does.
             * @example
             */
            client_id?: string | null;
            /**
             * @deprecated
             * @description Taken and ignored, as fastapi-users does.
             * @example
             */
            client_secret?: string | null;
            /**
             * @deprecated
             * @description Taken and ignored, as fastapi-users does.
             * @example password
             */
            grant_type?: string | null;
            /** @example correct horse battery staple */
            password: string;
            /**
             * @description `tenant:<slug>` chooses the tenant; without it the last used, else the oldest membership.
             * @example
             */
            scope?: string;
            /**
             * @description The email address.
             * @example ada@example.com
             */
            username: string;
        };
        /** @description Whose mailbox a message is to go to. */
        Mailbox: {
            /** @example ada@example.com */
            email: string;
        };
        /** @description A token from a message. */
        MailToken: {
            token: string;
        };
        /**
         * @description What a person is in the tenant.
         * @example {
         *       "created_at": "2026-02-01T08:15:30.654321Z",
         *       "email": "charles@example.com",
         *       "is_verified": true,
         *       "role": "viewer",
         *       "user_id": "usr_01h455vb4pex5vsknk084sn02r"
         *     }
         */
        Membership: {
            /**
             * Format: date-time
             * @description Since when they are a member.
             */
            created_at: string;
            /** @example charles@example.com */
            email: string;
            /** @description Whether the person proved that the address is theirs. */
            is_verified: boolean;
            role: components["schemas"]["Role"];
            /** @example usr_01h455vb4pex5vsknk084sn02r */
            user_id: string;
        };
        /**
         * @description A tenant's own notes: up to 20 texts by name.
         * @example {
         *       "order": "1815"
         *     }
         */
        Metadata: {
            [key: string]: string;
        };
        /**
         * @description The first step was right; the second factor is still owed.
         * @example {
         *       "expires_in": 300,
         *       "mfa_methods": [
         *         "totp",
         *         "recovery_code"
         *       ],
         *       "mfa_token": "b25lIGxvZy1pbiwgaGFsZiBkb25lLCBmaXZlIG1pbnV0ZXM"
         *     }
         */
        MfaChallenge: {
            /**
             * Format: int64
             * @description How long the second step may take, in seconds.
             * @example 300
             */
            expires_in: number;
            /**
             * @description What may be given there.
             * @example [
             *       "totp",
             *       "recovery_code"
             *     ]
             */
            mfa_methods: string[];
            /** @description Names this log-in at `POST /auth/mfa/verify`; it opens nothing by itself. */
            mfa_token: string;
        };
        /**
         * @description What the person has.
         * @example {
         *       "recovery_codes_left": 10,
         *       "totp": true
         *     }
         */
        MfaView: {
            /**
             * Format: int32
             * @description How many recovery codes are left.
             * @example 10
             */
            recovery_codes_left: number;
            /** @description Whether log-in asks for a code. */
            totp: boolean;
        };
        /**
         * @description Whether money moves.
         * @enum {string}
         */
        Mode: "test" | "live";
        /** @description Credentials at a gateway. */
        NewAccount: {
            /** @description By their names: see `credentials` in `GET /gateways`. */
            credentials: {
                [key: string]: string;
            };
            mode: components["schemas"]["Mode"];
        };
        /** @description A key to be made. */
        NewApiKey: {
            /**
             * Format: date-time
             * @description When it ends by itself: within two years; never, if it is left out.
             */
            expires_at?: string | null;
            /**
             * @description What people call it: 1 to 100 characters.
             * @example nightly import
             */
            name: string;
            /**
             * @description What it may do: rights of the table in `docs/api.md`.
             * @example [
             *       "leads:read",
             *       "leads:write"
             *     ]
             */
            scopes: components["schemas"]["Scope"][];
        };
        /** @description A cancellation. */
        NewCancellation: Record<string, never>;
        /** @description How much to capture. */
        NewCapture: {
            /**
             * Format: int64
             * @description In minor units; all that is held if it is left out.
             * @example 1099
             */
            amount?: number | null;
        };
        /** @description Who is to come, and as what. */
        NewInvitation: {
            /** @example charles@example.com */
            email: string;
            role: components["schemas"]["Role"];
        };
        /** @description What people enter about a lead. */
        NewLead: {
            company?: null | components["schemas"]["CompanyName"];
            country?: null | components["schemas"]["Country"];
            email: components["schemas"]["Email"];
            first_name?: null | components["schemas"]["PersonName"];
            job_title?: null | components["schemas"]["JobTitle"];
            last_name?: null | components["schemas"]["PersonName"];
            notes?: null | components["schemas"]["Notes"];
            phone?: null | components["schemas"]["Phone"];
            /** @description `OTHER` if it is left out or null. */
            source?: components["schemas"]["Source"];
            website?: null | components["schemas"]["Website"];
        };
        /** @description A token from a message, and the password that is to be. */
        NewPassword: {
            /**
             * @description At least 8 characters (or what the deployment or a tenant wants), at most 128; any characters.
             * @example correct horse battery staple
             */
            password: string;
            token: string;
        };
        /** @description What is to be paid. */
        NewPayment: {
            /**
             * Format: int64
             * @description In the currency's smallest unit: 1099 of USD are 10.99 dollars, 500 of JPY are 500 yen.
             * @example 1099
             */
            amount: number;
            cancel_url?: null | components["schemas"]["WebAddress"];
            capture_method?: null | components["schemas"]["CaptureMethod"];
            /**
             * @description ISO 4217, in capital letters.
             * @example EUR
             */
            currency: string;
            customer?: components["schemas"]["Customer"];
            /**
             * @description What the payer is shown.
             * @example Pro plan
             */
            description?: string | null;
            flow?: null | components["schemas"]["Flow"];
            gateway?: null | components["schemas"]["Gateway"];
            metadata?: components["schemas"]["Metadata"];
            mode?: null | components["schemas"]["Mode"];
            return_url?: null | components["schemas"]["WebAddress"];
        };
        /** @description What is to go back. */
        NewRefund: {
            /**
             * Format: int64
             * @description In minor units; all that is left of what was captured if it is left out.
             * @example 300
             */
            amount?: number | null;
            /**
             * @description For the tenant's own records.
             * @example returned goods
             */
            reason?: string | null;
        };
        /** @description Where a lead is to go. */
        NewStatus: {
            status: components["schemas"]["Status"];
        };
        /** @description A tenant to be made. */
        NewTenant: {
            /**
             * @description 1 to 100 characters.
             * @example Analytical Engines
             */
            name: string;
        };
        /**
         * @description A seed for an authenticator app; shown this once.
         * @example {
         *       "otpauth_uri": "otpauth://totp/bizosaas:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=bizosaas&algorithm=SHA1&digits=6&period=30",
         *       "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
         *     }
         */
        NewTotp: {
            /**
             * @description To be shown as a QR code, or opened on the phone.
             * @example otpauth://totp/bizosaas:ada%40example.com?secret=…
             */
            otpauth_uri: string;
            /**
             * @description To be typed into the app, in base32.
             * @example JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP
             */
            secret: string;
        };
        /** @description Who wants an account. Holds a password, so it has no `Debug`. */
        NewUser: {
            /** @example ada@example.com */
            email: string;
            /**
             * @deprecated
             * @description Taken and ignored, as fastapi-users does.
             */
            is_active?: boolean | null;
            /**
             * @deprecated
             * @description Taken and ignored, as fastapi-users does.
             */
            is_superuser?: boolean | null;
            /**
             * @deprecated
             * @description Taken and ignored, as fastapi-users does.
             */
            is_verified?: boolean | null;
            /**
             * @description At least 8 characters (or what the deployment wants), at most 128; any characters.
             * @example correct horse battery staple
             */
            password: string;
            /**
             * @description The name of the person's tenant; without it the tenant is named after the person.
             * @example Analytical Engines
             */
            tenant_name?: string | null;
        };
        /** @description What the payer's browser must do next. */
        NextAction: {
            /** @enum {string} */
            type: "redirect";
            url: string;
        } | {
            /** @description In this order. */
            fields: {
                [key: string]: string;
            };
            /** @enum {string} */
            type: "form_post";
            url: string;
        } | {
            /** @description By the names that the script knows them by. */
            parameters: {
                [key: string]: string;
            };
            /** @enum {string} */
            type: "client_sdk";
        };
        /**
         * @description Anything else worth knowing, with line breaks and tabs if need be.
         * @example Met at the spring fair.
         *     Wants a demo.
         */
        Notes: string;
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "created_at": "2026-01-31T09:30:00.123456Z",
         *           "created_by": "usr_01h455vb4pex5vsknk084sn02q",
         *           "expires_at": null,
         *           "id": "key_01h455vb4pex5vsknk084sn02q",
         *           "last_used_at": "2026-02-01T02:00:00Z",
         *           "name": "nightly import",
         *           "prefix": "bizo_Yx3kQ0v",
         *           "revoked_at": null,
         *           "scopes": [
         *             "leads:read",
         *             "leads:write"
         *           ]
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_ApiKey: {
            /** @description The rows. */
            data: components["schemas"]["ApiKey"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "action": "api_key.created",
         *           "actor": "usr_01h455vb4pex5vsknk084sn02q",
         *           "address": "203.0.113.9",
         *           "api_key": null,
         *           "at": "2026-01-31T09:30:00.123456Z",
         *           "details": {
         *             "expires_at": null,
         *             "name": "nightly import",
         *             "prefix": "bizo_Yx3kQ0v",
         *             "scopes": [
         *               "leads:read",
         *               "leads:write"
         *             ]
         *           },
         *           "id": "aud_01h455vb4pex5vsknk084sn02q",
         *           "request_id": "req_01h455vb4pex5vsknk084sn02q",
         *           "target": {
         *             "id": "key_01h455vb4pex5vsknk084sn02q",
         *             "type": "api_key"
         *           },
         *           "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_AuditEntry: {
            /** @description The rows. */
            data: components["schemas"]["AuditEntry"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "attempts": 1,
         *           "created_at": "2026-01-31T09:30:00.123456Z",
         *           "id": "evt_01h455vb4pex5vsknk084sn02q",
         *           "last_error": "status 500",
         *           "next_attempt_at": "2026-01-31T09:30:06.412587Z",
         *           "settled_at": null,
         *           "state": "pending",
         *           "tenant_id": "ten_01h455vb4pex5vsknk084sn02q",
         *           "type": "mail.verification"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_Event: {
            /** @description The rows. */
            data: components["schemas"]["Event"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "created_at": "2026-01-31T09:30:00.123456Z",
         *           "email": "charles@example.com",
         *           "expires_at": "2026-02-07T09:30:00.123456Z",
         *           "id": "inv_01h455vb4pex5vsknk084sn02q",
         *           "invited_by": "usr_01h455vb4pex5vsknk084sn02q",
         *           "role": "member",
         *           "status": "pending"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_Invitation: {
            /** @description The rows. */
            data: components["schemas"]["Invitation"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "company": "Analytical Engines",
         *           "country": "GB",
         *           "created_at": "2026-01-31T09:30:00.123456Z",
         *           "email": "ada@example.com",
         *           "first_name": "Ada",
         *           "id": "led_01h455vb4pex5vsknk084sn02q",
         *           "job_title": "CEO",
         *           "last_name": "Lovelace",
         *           "notes": null,
         *           "phone": null,
         *           "priority": "URGENT",
         *           "priority_set_at": null,
         *           "score": 100,
         *           "score_reasons": [
         *             {
         *               "points": 50,
         *               "rule": "base"
         *             },
         *             {
         *               "points": 20,
         *               "rule": "company"
         *             },
         *             {
         *               "points": 20,
         *               "rule": "job_title_ceo"
         *             },
         *             {
         *               "points": 20,
         *               "rule": "source_referral"
         *             }
         *           ],
         *           "source": "REFERRAL",
         *           "status": "NEW",
         *           "updated_at": "2026-01-31T09:30:00.123456Z",
         *           "website": null
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_Lead: {
            /** @description The rows. */
            data: components["schemas"]["Lead"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "amount": 1099,
         *           "at": "2026-01-31T09:30:00.123456Z",
         *           "credit": "sales",
         *           "currency": "EUR",
         *           "debit": "gateway",
         *           "gateway": "test",
         *           "mode": "test",
         *           "payment": "pay_01h455vb4pex5vsknk084sn02q",
         *           "refund": null,
         *           "type": "capture"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_LedgerEntry: {
            /** @description The rows. */
            data: components["schemas"]["LedgerEntry"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "created_at": "2026-02-01T08:15:30.654321Z",
         *           "email": "charles@example.com",
         *           "is_verified": true,
         *           "role": "viewer",
         *           "user_id": "usr_01h455vb4pex5vsknk084sn02r"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_Membership: {
            /** @description The rows. */
            data: components["schemas"]["Membership"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "amount": 1099,
         *           "authorized": 1099,
         *           "cancel_url": null,
         *           "capture_method": "automatic",
         *           "captured": 1099,
         *           "created_at": "2026-01-31T09:30:00.123456Z",
         *           "currency": "EUR",
         *           "customer": {
         *             "country": "GB",
         *             "name": "Ada Lovelace"
         *           },
         *           "description": "Pro plan",
         *           "dispute": null,
         *           "expires_at": "2026-02-01T09:30:00.123456Z",
         *           "failure": null,
         *           "fee": 0,
         *           "flow": "redirect",
         *           "gateway": "test",
         *           "gateway_refs": {
         *             "capture": null,
         *             "order": null,
         *             "payment": "test_01h455vb4pex5vsknk084sn02q"
         *           },
         *           "id": "pay_01h455vb4pex5vsknk084sn02q",
         *           "late_success_at": null,
         *           "metadata": {
         *             "order": "1815"
         *           },
         *           "mode": "test",
         *           "next_action": null,
         *           "refund_pending": 0,
         *           "refunded": 300,
         *           "return_url": "https://shop.example.com/thanks",
         *           "state": "partially_refunded",
         *           "updated_at": "2026-01-31T09:41:12.000512Z"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_Payment: {
            /** @description The rows. */
            data: components["schemas"]["Payment"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "at": "2026-01-31T09:30:00.123456Z",
         *           "details": {
         *             "authorized": 1099,
         *             "captured": 1099,
         *             "failure": null,
         *             "late_success": null
         *           },
         *           "source": "api",
         *           "state": "captured",
         *           "type": "payment.captured"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_PaymentEvent: {
            /** @description The rows. */
            data: components["schemas"]["PaymentEvent"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "amount": 300,
         *           "created_at": "2026-01-31T09:41:12.000512Z",
         *           "created_by": "usr_01h455vb4pex5vsknk084sn02q",
         *           "failure": null,
         *           "gateway_ref": "test_01h455vb4pex5vsknk084sn02q",
         *           "id": "ref_01h455vb4pex5vsknk084sn02q",
         *           "payment": "pay_01h455vb4pex5vsknk084sn02q",
         *           "reason": "returned goods",
         *           "state": "succeeded",
         *           "updated_at": "2026-01-31T09:41:12.000512Z"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_Refund: {
            /** @description The rows. */
            data: components["schemas"]["Refund"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "changed_at": "2026-01-31T09:41:12.000512Z",
         *           "changed_by": "usr_01h455vb4pex5vsknk084sn02q",
         *           "from": "NEW",
         *           "to": "CONTACTED"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_StatusChange: {
            /** @description The rows. */
            data: components["schemas"]["StatusChange"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A page of a list.
         * @example {
         *       "data": [
         *         {
         *           "id": "ten_01h455vb4pex5vsknk084sn02q",
         *           "name": "Analytical Engines",
         *           "role": "owner",
         *           "slug": "analytical-engines"
         *         }
         *       ],
         *       "next_cursor": null
         *     }
         */
        Page_TenantView: {
            /** @description The rows. */
            data: components["schemas"]["TenantView"][];
            /**
             * @description Give it as `cursor` to go on; null on the last page.
             * @example eyJpZCI6ImxlZF8wMWg0NTUifQ
             */
            next_cursor: string | null;
        };
        /**
         * @description A payment. Amounts are in the currency's smallest unit.
         * @example {
         *       "amount": 1099,
         *       "authorized": 1099,
         *       "cancel_url": null,
         *       "capture_method": "automatic",
         *       "captured": 1099,
         *       "created_at": "2026-01-31T09:30:00.123456Z",
         *       "currency": "EUR",
         *       "customer": {
         *         "country": "GB",
         *         "name": "Ada Lovelace"
         *       },
         *       "description": "Pro plan",
         *       "dispute": null,
         *       "expires_at": "2026-02-01T09:30:00.123456Z",
         *       "failure": null,
         *       "fee": 0,
         *       "flow": "redirect",
         *       "gateway": "test",
         *       "gateway_refs": {
         *         "capture": null,
         *         "order": null,
         *         "payment": "test_01h455vb4pex5vsknk084sn02q"
         *       },
         *       "id": "pay_01h455vb4pex5vsknk084sn02q",
         *       "late_success_at": null,
         *       "metadata": {
         *         "order": "1815"
         *       },
         *       "mode": "test",
         *       "next_action": null,
         *       "refund_pending": 0,
         *       "refunded": 300,
         *       "return_url": "https://shop.example.com/thanks",
         *       "state": "partially_refunded",
         *       "updated_at": "2026-01-31T09:41:12.000512Z"
         *     }
         */
        Payment: {
            /**
             * Format: int64
             * @example 1099
             */
            amount: number;
            /**
             * Format: int64
             * @description Held by the gateway, what was captured of it included.
             */
            authorized: number;
            cancel_url: null | components["schemas"]["WebAddress"];
            capture_method: components["schemas"]["CaptureMethod"];
            /** Format: int64 */
            captured: number;
            /** Format: date-time */
            created_at: string;
            /** @example EUR */
            currency: string;
            customer: components["schemas"]["Customer"];
            description: string | null;
            dispute: null | components["schemas"]["PaymentDispute"];
            /**
             * Format: date-time
             * @description Until then the payer may pay.
             */
            expires_at: string;
            failure: null | components["schemas"]["PaymentFailure"];
            /**
             * Format: int64
             * @description What the gateway keeps, where it says so.
             */
            fee: number;
            flow: components["schemas"]["Flow"];
            gateway: components["schemas"]["Gateway"];
            /** @description The gateway's names for it. */
            gateway_refs: components["schemas"]["GatewayRefs"];
            /** @example pay_01h455vb4pex5vsknk084sn02q */
            id: string;
            /**
             * Format: date-time
             * @description When money came although the payment was canceled, expired or failed: honour it or refund it.
             */
            late_success_at: string | null;
            metadata: components["schemas"]["Metadata"];
            mode: components["schemas"]["Mode"];
            next_action: null | components["schemas"]["NextAction"];
            /**
             * Format: int64
             * @description Refunds that were asked for and are not certain yet.
             */
            refund_pending: number;
            /** Format: int64 */
            refunded: number;
            return_url: null | components["schemas"]["WebAddress"];
            state: components["schemas"]["PaymentState"];
            /** Format: date-time */
            updated_at: string;
        };
        /** @description A payer's complaint with their bank. */
        PaymentDispute: {
            /** Format: int64 */
            amount: number;
            state: components["schemas"]["DisputeState"];
        };
        /**
         * @description Something that happened to a payment.
         * @example {
         *       "at": "2026-01-31T09:30:00.123456Z",
         *       "details": {
         *         "authorized": 1099,
         *         "captured": 1099,
         *         "failure": null,
         *         "late_success": null
         *       },
         *       "source": "api",
         *       "state": "captured",
         *       "type": "payment.captured"
         *     }
         */
        PaymentEvent: {
            /** Format: date-time */
            at: string;
            details: {
                [key: string]: unknown;
            };
            /**
             * @description Who told: `api`, `webhook`, `return`, `sync` or `sweep`.
             * @example api
             */
            source: string;
            /** @description What the payment was then. */
            state: components["schemas"]["PaymentState"];
            /** @example payment.captured */
            type: string;
        };
        /** @description Why not, in our words, and the gateway's own code beside it. */
        PaymentFailure: {
            code: components["schemas"]["FailureCode"];
            /**
             * @description As the gateway puts it.
             * @example insufficient_funds
             */
            gateway_code?: string | null;
        };
        /**
         * @description The figures of a period.
         * @example {
         *       "by_day": [
         *         {
         *           "captured": 16485,
         *           "currency": "EUR",
         *           "day": "2026-01-30",
         *           "payments": 17,
         *           "refunded": 1099,
         *           "succeeded": 15,
         *           "unsuccessful": 2
         *         },
         *         {
         *           "captured": 999000,
         *           "currency": "INR",
         *           "day": "2026-01-30",
         *           "payments": 11,
         *           "refunded": 99900,
         *           "succeeded": 10,
         *           "unsuccessful": 1
         *         },
         *         {
         *           "captured": 13188,
         *           "currency": "EUR",
         *           "day": "2026-01-31",
         *           "payments": 13,
         *           "refunded": 300,
         *           "succeeded": 12,
         *           "unsuccessful": 0
         *         },
         *         {
         *           "captured": 599400,
         *           "currency": "INR",
         *           "day": "2026-01-31",
         *           "payments": 7,
         *           "refunded": 0,
         *           "succeeded": 6,
         *           "unsuccessful": 1
         *         }
         *       ],
         *       "by_gateway": [
         *         {
         *           "captured": 1598400,
         *           "currency": "INR",
         *           "gateway": "razorpay",
         *           "payments": 18,
         *           "refunded": 99900,
         *           "refunded_payments": 1,
         *           "succeeded": 16,
         *           "unsuccessful": 2
         *         },
         *         {
         *           "captured": 29673,
         *           "currency": "EUR",
         *           "gateway": "stripe",
         *           "payments": 30,
         *           "refunded": 1399,
         *           "refunded_payments": 2,
         *           "succeeded": 27,
         *           "unsuccessful": 2
         *         }
         *       ],
         *       "total": 48
         *     }
         */
        PaymentFigures: {
            by_day: components["schemas"]["DayFigures"][];
            by_gateway: components["schemas"]["GatewayFigures"][];
            /** Format: int64 */
            total: number;
        };
        /**
         * @description The rules, in the order in which they are looked at: the first that is for a payment decides.
         * @example {
         *       "rules": [
         *         {
         *           "currencies": [
         *             "INR"
         *           ],
         *           "gateways": [
         *             "razorpay",
         *             "payu"
         *           ]
         *         },
         *         {
         *           "gateways": [
         *             "stripe",
         *             "paypal"
         *           ]
         *         }
         *       ]
         *     }
         */
        PaymentRouting: {
            rules: components["schemas"]["RoutingRule"][];
        };
        /**
         * @description The rules.
         * @example {
         *       "members_may_refund": false,
         *       "return_origins": [
         *         "https://shop.example.com"
         *       ]
         *     }
         */
        PaymentSettings: {
            /** @description Whether members may return money; owners and admins always may. */
            members_may_refund: boolean;
            /**
             * @description Origins that payers may be sent back to: https, or the machine at hand.
             * @example [
             *       "https://shop.example.com"
             *     ]
             */
            return_origins: string[];
        };
        /**
         * @description What a payment is: the word for its amounts and its phase.
         * @enum {string}
         */
        PaymentState: "created" | "requires_action" | "processing" | "authorized" | "partially_captured" | "captured" | "partially_refunded" | "refunded" | "canceled" | "expired" | "failed";
        /**
         * @description A first or a last name.
         * @example Ada
         */
        PersonName: string;
        /**
         * @description A phone number as people write it, with an extension if it has one.
         * @example +44 20 7946 0958
         */
        Phone: string;
        /**
         * @description How soon a lead wants attention.
         * @enum {string}
         */
        Priority: "LOW" | "MEDIUM" | "HIGH" | "URGENT";
        /**
         * @description A refusal, as RFC 9457 has it. Decide by `code`; the rest is for people.
         * @example {
         *       "code": "validation_failed",
         *       "detail": "Some fields are not valid; `errors` names each.",
         *       "errors": [
         *         {
         *           "detail": "missing field `email`",
         *           "pointer": "/email"
         *         }
         *       ],
         *       "request_id": "req_01h455vb4pex5vsknk084sn02q",
         *       "status": 422,
         *       "title": "The input is not valid",
         *       "type": "urn:bizosaas:problem:validation_failed"
         *     }
         */
        ProblemBody: {
            /**
             * @description The kind of problem. It never changes its meaning; new ones come, so take one that you do not know by its `status`.
             *
             *     | code | status | meaning | what to do |
             *     | --- | --- | --- | --- |
             *     | `already_member` | 409 | Somebody with the invited address is a member of the tenant. | Change their role instead. |
             *     | `already_verified` | 400 | The address was proven before (detail VERIFY_USER_ALREADY_VERIFIED). | Nothing; go on. |
             *     | `amount_exceeds_capturable` | 409 | More was to be captured than is held. | Capture what `detail` says is left, or less. |
             *     | `amount_exceeds_refundable` | 409 | More was to be refunded than is left of what was captured; refunds under way count. | Refund what `detail` says is left, or less. |
             *     | `amount_not_accepted` | 422 | The gateway does not take this amount in this currency; `detail` says why. | Choose another amount, currency or gateway. |
             *     | `api_key_already_shown` | 409 | An earlier request with this `Idempotency-Key` made the API key that `detail` names and showed it, once. | If the key is lost, revoke it and make another with a new `Idempotency-Key`. |
             *     | `api_key_not_found` | 404 | The tenant has no API key with this id. | Check the id; another tenant's key is not found either. |
             *     | `bad_credentials` | 400 | Email address and password do not belong together, or the account is not active. | Ask the person again; which of the two was wrong is not told. |
             *     | `body_timed_out` | 408 | The body did not arrive within 15 seconds. Nothing was done. | Send it again, over a better connection. |
             *     | `body_too_large` | 413 | The body has more bytes than the route takes; `detail` names the limit. | Send less at once. |
             *     | `conflict_in_flight` | 409 | Another request holds the same resource, or has the same `Idempotency-Key` under way. Nothing was done. | Wait for `Retry-After` and repeat with the same key. |
             *     | `database_interrupted` | 503 | The database did not answer in time. Nothing was changed. | Wait for `Retry-After` and repeat. |
             *     | `database_unavailable` | 503 | The database cannot be reached. Nothing was done. | Wait for `Retry-After` and repeat; an operator finds the reason under `/readyz` of the component. |
             *     | `deactivating_oneself` | 409 | Nobody deactivates their own account. | Ask another administrator, or leave the tenant. |
             *     | `email_already_exists` | 400 | Another account has the address (detail UPDATE_USER_EMAIL_ALREADY_EXISTS). | Choose another address. |
             *     | `event_not_dead` | 409 | The event was not given up: it is delivered, skipped or still pending. | Leave it: only what is `dead` is taken up again by hand. |
             *     | `event_not_found` | 404 | The outbox has no event with this id; what was delivered or skipped goes after seven days. | Look at `GET /internal/events`. |
             *     | `forbidden` | 403 | The caller's role in the tenant, or the API key's scopes, do not hold the right; the token names no tenant; or no API key may do this. | Ask an owner or admin of the tenant for the role; log in to a tenant; use another key, or log in as a person. |
             *     | `gateway_account_missing` | 409 | The tenant has no account with the payment's gateway in its mode (any more). | Save the credentials with `PUT /gateways/{gateway}/account`. |
             *     | `gateway_account_not_found` | 404 | The tenant has no account with this gateway in this mode; or a webhook's address names none. | Check gateway and mode, or the address entered at the gateway. |
             *     | `gateway_declined` | 409 | The gateway declined, for a reason that has to do with the payer's means. Nothing was done. | See the reason in `detail`; try again with a new key. |
             *     | `gateway_not_found` | 404 | There is no gateway with this name. | Look at `GET /gateways`. |
             *     | `gateway_refused` | 409 | The gateway would not do it. Nothing was done. | See the reason in `detail`; try again with a new key. |
             *     | `gateway_unanswered` | 503 | The gateway did not answer a question that changes nothing. | Try again. |
             *     | `idempotency_key_required` | 400 | The request moves money and has no `Idempotency-Key`. Nothing was done. | Send a key such as a UUID, and the same one with every repeat. |
             *     | `idempotency_key_reused` | 422 | The `Idempotency-Key` was used for another body (or another `If-Match`) on the same route. | Use a new key for a new request, and the same body for a repeat. |
             *     | `internal` | 500 | A mistake on our side. | Report the `request_id`; the log has the cause under it. |
             *     | `invalid_credentials` | 422 | The gateway account's credentials do not look like any; `errors` names the one. | Copy them from the gateway again, and check the mode. |
             *     | `invalid_idempotency_key` | 400 | The `Idempotency-Key` is not one key of 1 to 255 visible ASCII characters. | Send one, such as a UUID. |
             *     | `invalid_if_match` | 400 | `If-Match` is not one strong entity tag or `*`. | Send the `ETag` as it was given, quotes included. |
             *     | `invalid_mfa_code` | 400 | The code of the second factor is wrong, too old, or was used already. | Give the code that the app shows now, or an unused recovery code. |
             *     | `invalid_mfa_token` | 400 | The `mfa_token` is unknown, used, or older than five minutes. | Log in again from the first step. |
             *     | `invalid_parameter` | 400 | A parameter of the query has a value that it cannot have; `errors` names it. | Correct the parameter. |
             *     | `invalid_password` | 400 | The password breaks a rule; `detail.reason` says which. | Choose another password. |
             *     | `invalid_refresh_token` | 401 | The refresh token is unknown, or its session has ended. | Log in again. |
             *     | `invitation_accepted` | 409 | The invitation cannot be withdrawn: it was accepted. | End the person's membership instead. |
             *     | `invitation_bad_token` | 400 | The token is unknown or used, its invitation is over or was withdrawn, or who made it may not invite to this role any more. | Ask for another invitation. |
             *     | `invitation_for_another_address` | 403 | The invitation went to another email address than the account's. | Log in to the account with that address, or accept without an access token to get one. |
             *     | `invitation_not_found` | 404 | The tenant has no invitation with this id. | Check the id; another tenant's invitation is not found either. |
             *     | `invitation_pending` | 409 | The address was invited before and may still accept; `detail` names the invitation. | Wait, or withdraw it and invite again. |
             *     | `last_owner` | 409 | The tenant would be left without an owner. | Make somebody else an owner first. |
             *     | `lead_move_not_allowed` | 409 | The lead cannot move from its status to the wanted one. | Choose one of the statuses that `detail` names. |
             *     | `lead_not_found` | 404 | The tenant has no lead with this id, or it was deleted. | Check the id; another tenant's lead is not found either. |
             *     | `log_in_throttled` | 429 | Too many log-ins, or codes of a second factor, failed for the account or from the address. | Wait for `Retry-After`. |
             *     | `log_in_to_accept` | 409 | The invited address has an account. | Log in to it, and accept with its access token. |
             *     | `malformed_id` | 400 | The path holds something that is no id. | Use ids as the API gave them, prefix and all. |
             *     | `malformed_json` | 400 | The body is not JSON; `detail` says from where on. | Correct the body. |
             *     | `method_not_allowed` | 405 | The path exists, but not with this method. | Use a method that `Allow` lists. |
             *     | `mfa_already_enrolled` | 409 | The person has a second factor. | Remove it first, or go on with it. |
             *     | `mfa_not_enrolled` | 409 | The person has no second factor. | Enrol one first. |
             *     | `mfa_required` | 403 | The tenant asks for a second factor, and the session was begun without one. | Log in again, with the factor. Without one log-in gives a session in no tenant: enrol there (`POST /auth/mfa/totp`), then switch. |
             *     | `misconfigured` | 503 | A variable of the deployment is missing or malformed; `detail` names it. | The operator sets the variable. |
             *     | `no_gateway_fits` | 422 | No `gateway` was named, and the tenant's routing has no rule for the payment, or none of the rule's gateways can take it; `detail` says why not, with each one's code. | Name a `gateway`, or change the rules with `PUT /payments/routing`. |
             *     | `not_ready` | 503 | The component cannot reach its database, or is not let in. | The operator looks at the database; send requests elsewhere until it is ready. |
             *     | `operation_not_supported` | 422 | The gateway cannot do that at all. | `GET /gateways` says what each can do. |
             *     | `outcome_unknown` | 503 | A change was sent and never confirmed: it may have been done. | Repeat with the same `Idempotency-Key`, or read the resource first. |
             *     | `partial_capture_not_supported` | 422 | The gateway captures the whole authorization or nothing. | Leave `amount` out, or cancel. |
             *     | `payment_not_cancelable` | 409 | The payment is over, or money was captured. | Refund what was captured. |
             *     | `payment_not_capturable` | 409 | Nothing of the payment is held. | Look at its `state`. |
             *     | `payment_not_found` | 404 | The tenant has no payment with this id. | Check the id; another tenant's payment is not found either. |
             *     | `payment_not_refundable` | 409 | Nothing of the payment is left to be refunded. | Look at its `captured` and `refunded`. |
             *     | `rate_limited` | 429 | The requests a minute of the user, the tenant, the API key, the gateway account or (without a valid token) the address are used up, all together or for this kind of route; `detail` says which, and nothing was done. | Wait for `Retry-After`; `RateLimit` on every answer tells what is left. |
             *     | `refresh_token_reused` | 401 | The refresh token was exchanged before, so somebody else may have it. Its session was ended. | Log in again. |
             *     | `refunds_not_allowed` | 403 | The tenant does not let members return money. | Ask an owner or admin, who may allow it with `PUT /payments/settings`. |
             *     | `request_timed_out` | 503 | A request that changes nothing took longer than 30 seconds. | Repeat it, or ask for less. |
             *     | `reset_bad_token` | 400 | The token resets no password, or does not any more (detail RESET_PASSWORD_BAD_TOKEN). | Ask for a new message. |
             *     | `return_not_found` | 404 | No payment has this return address. | Follow the gateway's link unchanged. |
             *     | `return_url_not_allowed` | 422 | The origin of `return_url` or `cancel_url` is not among the tenant's `return_origins`. | Add it with `PUT /payments/settings`. |
             *     | `route_not_found` | 404 | No route has this path. | Look at `/openapi.json`. |
             *     | `saturated` | 503 | Too many requests are under way. Nothing was done. | Wait for `Retry-After` and repeat. |
             *     | `session_not_found` | 404 | No living session of the caller has this id. | List the sessions again. |
             *     | `tenant_not_found` | 404 | The tenant was deleted, the person is no member of it, or it is not the one that the token names. | Log in to another tenant, or switch to it (`POST /auth/switch-tenant`). |
             *     | `too_many_api_keys` | 409 | The tenant has 50 living API keys, the most that it may have. | Revoke one that nothing uses; `last_used_at` tells. |
             *     | `too_many_invitations` | 409 | The tenant sent 200 invitations in 24 hours, or 5 to this address. | Try again later, with a new `Idempotency-Key`. |
             *     | `unauthenticated` | 401 | There is no valid access token or API key: none was sent, it expired, or it was ended (with its session; with the membership of who made it). | Refresh, or log in again; use another key. |
             *     | `unknown_parameter` | 400 | The query has a parameter that the route does not take; `errors` names it. | Take it out, or correct its name. |
             *     | `unknown_tenant_scope` | 400 | `scope` names no tenant that the person is a member of. | Use `tenant:` and the slug of one of the person's tenants, or leave it out. |
             *     | `unreadable_body` | 400 | The body broke off, or was not sent as announced. | Send it again. |
             *     | `unsupported_media_type` | 415 | The body has a media type that the route does not take. | Send JSON with `Content-Type: application/json`; log-in takes a form. |
             *     | `user_already_exists` | 400 | There is an account with this email address. | Log in, or use another address. |
             *     | `user_in_other_tenants` | 409 | The account belongs to other tenants too, so it is not this one's to change. | Let the person change it; their membership can be ended. |
             *     | `user_not_found` | 404 | Nobody in the tenant has this id. | Check the id; another tenant's people are not found either. |
             *     | `user_not_verified` | 400 | The deployment lets nobody in before they proved their address (detail LOGIN_USER_NOT_VERIFIED). | Ask for the message again at `POST /auth/request-verify-token`. |
             *     | `validation_failed` | 422 | The body is well-formed, but fields are unknown, missing or not valid; `errors` names each. | Correct the fields. |
             *     | `verify_bad_token` | 400 | The token proves no address, or does not any more (detail VERIFY_USER_BAD_TOKEN). | Ask for a new message. |
             *     | `version_mismatch` | 412 | The resource changed since the version that `If-Match` names. | Read it again, and repeat the change on what it is now. |
             *     | `webhook_not_signed` | 401 | The message has no signature of this account's webhook secret, or is too old. | Check the secret that is saved, and the clock. |
             *     | `webhook_not_verified` | 503 | The gateway, asked whether a message is its own, did not say. Nothing was done. | Nothing: the gateway sends it again. |
             *     | `webhook_other_mode` | 409 | A test message came to a live account, or the other way round. | Enter each account's address in its own mode at the gateway. |
             *     | `webhook_unreadable` | 400 | The message is signed and cannot be read, or names no payment where the address names no account. | Use the address with the account in it. |
             *     | `window_too_wide` | 422 | More than 1,000 payments lie between the two moments. | Ask for a shorter time. |
             *     | `wrong_password` | 400 | The password that was asked for again is not the account's. Nothing was changed. | Ask the person again. |
             * @example lead_not_found
             */
            code: string;
            /** @description What is wrong with this request, and what to do. On the routes of fastapi-users its code, or `{ code, reason }`. */
            detail: string | {
                code: string;
                reason: string;
            };
            /** @description For input that is not valid: each place and what is wrong there. */
            errors?: components["schemas"]["FieldError"][];
            /**
             * @description Names this request in the log.
             * @example req_01h455vb4pex5vsknk084sn02q
             */
            request_id: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The kind of problem, in words. */
            title: string;
            /**
             * @description A stable URI for the kind of problem.
             * @example urn:bizosaas:problem:lead_not_found
             */
            type: string;
        };
        /**
         * @description What the component needs, and how it is.
         * @example {
         *       "database": "ok",
         *       "status": "ok",
         *       "store": "ok"
         *     }
         */
        Readiness: {
            /**
             * @description `ok`.
             * @example ok
             */
            database: string;
            /**
             * @description `ok`, or `degraded` while the store is away.
             * @example ok
             */
            status: string;
            /**
             * @description `ok` or `unavailable`.
             * @example ok
             */
            store: string;
        };
        /** @description What one side has of a payment, in minor units. */
        ReconciledAmounts: {
            /** Format: int64 */
            captured: number;
            /** @example EUR */
            currency: string;
            /** Format: int64 */
            refunded: number;
        };
        /**
         * @description The report. Without differences the gateway's books and ours agree.
         * @example {
         *       "created_after": "2026-11-01T00:00:00Z",
         *       "created_before": "2026-11-08T00:00:00Z",
         *       "differences": [
         *         {
         *           "gateway_refs": [
         *             "pi_3Q2w3E4r5T6y7U"
         *           ],
         *           "kind": "amounts_differ",
         *           "ours": {
         *             "captured": 1099,
         *             "currency": "EUR",
         *             "refunded": 0
         *           },
         *           "payment": "pay_01h455vb4pex5vsknk084sn02q",
         *           "theirs": {
         *             "captured": 1099,
         *             "currency": "EUR",
         *             "refunded": 300
         *           }
         *         }
         *       ],
         *       "gateway": "stripe",
         *       "held": 209,
         *       "listed": 214,
         *       "mode": "live"
         *     }
         */
        Reconciliation: {
            /** Format: date-time */
            created_after: string;
            /** Format: date-time */
            created_before: string;
            differences: components["schemas"]["ReconciliationDifference"][];
            gateway: components["schemas"]["Gateway"];
            /** @description How many payments of ours were compared. */
            held: number;
            /** @description How many payments the gateway listed, those included that took nothing. */
            listed: number;
            mode: components["schemas"]["Mode"];
        };
        /** @description One difference. */
        ReconciliationDifference: {
            /** @description The gateway's names for it. */
            gateway_refs: string[];
            kind: components["schemas"]["DifferenceKind"];
            ours: null | components["schemas"]["ReconciledAmounts"];
            /** @example pay_01h455vb4pex5vsknk084sn02q */
            payment: string | null;
            theirs: null | components["schemas"]["ReconciledAmounts"];
        };
        /**
         * @description Ten recovery codes; shown this once.
         * @example {
         *       "recovery_codes": [
         *         "1kq5-93dm-x8ea-7w0r",
         *         "38ax-h7kv-r1mq-4nhq",
         *         "eygm-kma5-hj3v-7xt2",
         *         "che6-b65x-k70c-7bem",
         *         "k8b6-q29f-vtw5-mrsb",
         *         "7r2m-n5dz-g9yf-sarv",
         *         "6b00-b3nt-n8qr-k2ez",
         *         "ea4w-0fjv-p9s3-b95k",
         *         "gsr1-r1g9-68sc-5qza",
         *         "j51x-jkkw-ac6g-jqte"
         *       ]
         *     }
         */
        RecoveryCodes: {
            /**
             * @description Each works once, in place of a code of the app.
             * @example [
             *       "1kq5-93dm-x8ea-7w0r"
             *     ]
             */
            recovery_codes: string[];
        };
        /** @description A refresh token. */
        RefreshToken: {
            refresh_token: string;
        };
        /**
         * @description A refund. Its amount is in the payment's currency, in minor units.
         * @example {
         *       "amount": 300,
         *       "created_at": "2026-01-31T09:41:12.000512Z",
         *       "created_by": "usr_01h455vb4pex5vsknk084sn02q",
         *       "failure": null,
         *       "gateway_ref": "test_01h455vb4pex5vsknk084sn02q",
         *       "id": "ref_01h455vb4pex5vsknk084sn02q",
         *       "payment": "pay_01h455vb4pex5vsknk084sn02q",
         *       "reason": "returned goods",
         *       "state": "succeeded",
         *       "updated_at": "2026-01-31T09:41:12.000512Z"
         *     }
         */
        Refund: {
            /**
             * Format: int64
             * @example 300
             */
            amount: number;
            /** Format: date-time */
            created_at: string;
            /** @description Who asked for it; null where it was made at the gateway itself. */
            created_by: string | null;
            failure: null | components["schemas"]["PaymentFailure"];
            /** @description The gateway's name for it. */
            gateway_ref: string | null;
            /** @example ref_01h455vb4pex5vsknk084sn02q */
            id: string;
            /** @example pay_01h455vb4pex5vsknk084sn02q */
            payment: string;
            reason: string | null;
            state: components["schemas"]["RefundState"];
            /** Format: date-time */
            updated_at: string;
        };
        /**
         * @description How far a refund is.
         * @enum {string}
         */
        RefundState: "pending" | "succeeded" | "failed" | "canceled";
        /**
         * @description What was sealed again.
         * @example {
         *       "has_more": false,
         *       "resealed": 212,
         *       "unreadable": 0
         *     }
         */
        Resealed: {
            /** @description Whether there may be more: ask again. */
            has_more: boolean;
            /**
             * Format: int32
             * @description Sealed by the first key now.
             */
            resealed: number;
            /**
             * Format: int32
             * @description Sealed by a key that is not among the keys, or damaged: left as they are.
             */
            unreadable: number;
        };
        /**
         * @description What was sealed again.
         * @example {
         *       "has_more": false,
         *       "resealed": 42,
         *       "unreadable": 0
         *     }
         */
        ResealedAccounts: {
            /** @description Whether there may be more: ask again. */
            has_more: boolean;
            /**
             * Format: int32
             * @description Sealed by the first key now.
             */
            resealed: number;
            /**
             * Format: int32
             * @description Sealed by a key that is not among the keys, or damaged: left as they are.
             */
            unreadable: number;
        };
        /**
         * @description How many sessions ended.
         * @example {
         *       "revoked": 3
         *     }
         */
        RevokedSessions: {
            /**
             * Format: int32
             * @example 3
             */
            revoked: number;
        };
        /**
         * @description What a member is in a tenant.
         * @enum {string}
         */
        Role: "owner" | "admin" | "member" | "viewer";
        /** @description What somebody is to be. */
        RoleChange: {
            role: components["schemas"]["Role"];
        };
        /** @description A rule: the payments that it is for, and who takes them. */
        RoutingRule: {
            /**
             * Format: int64
             * @description For no larger amounts than this.
             * @example 10000000
             */
            amount_max?: number | null;
            /**
             * Format: int64
             * @description For no smaller amounts than this, in minor units of the one currency that the rule then names.
             * @example 100
             */
            amount_min?: number | null;
            /**
             * @description For customers in one of these countries; in any or none, if it is left out.
             * @example [
             *       "IN"
             *     ]
             */
            countries?: string[];
            /**
             * @description For payments in one of these; in any, if it is left out.
             * @example [
             *       "INR"
             *     ]
             */
            currencies?: string[];
            /** @description Who is asked first, who then, if the one before certainly took nothing. */
            gateways: components["schemas"]["Gateway"][];
        };
        /**
         * @description A right that an API key may be given.
         * @enum {string}
         */
        Scope: "tenant:read" | "members:read" | "audit_log:read" | "leads:read" | "leads:write" | "payments:read" | "payments:write" | "payments:refund";
        /** @description A rule that fired, and what it gave. */
        ScoreReason: {
            /**
             * Format: int32
             * @description The points that it gave.
             * @example 20
             */
            points: number;
            /**
             * @description The rule: `base`, `company`, `job_title_ceo`, or `source_` and the source.
             * @example company
             */
            rule: string;
        };
        /** @description How many leads have a score from `from` to `to`. */
        ScoreStep: {
            /**
             * Format: int64
             * @example 31
             */
            count: number;
            /**
             * Format: int32
             * @example 70
             */
            from: number;
            /**
             * Format: int32
             * @example 79
             */
            to: number;
        };
        /**
         * @description The caller's sessions.
         * @example {
         *       "data": [
         *         {
         *           "address": "203.0.113.9",
         *           "created_at": "2026-01-31T09:30:00.123456Z",
         *           "device": "Firefox on Linux",
         *           "expires_at": "2026-02-14T11:12:41.000512Z",
         *           "id": "ses_01h455vb4pex5vsknk084sn02q",
         *           "is_current": true,
         *           "last_used_at": "2026-01-31T11:12:41.000512Z",
         *           "mfa": true,
         *           "tenant_id": "ten_01h455vb4pex5vsknk084sn02q"
         *         },
         *         {
         *           "address": "198.51.100.23",
         *           "created_at": "2026-01-30T18:04:09.734218Z",
         *           "device": "Safari on iPhone",
         *           "expires_at": "2026-02-14T07:55:13.281904Z",
         *           "id": "ses_01h455vb4pex5vsknk084sn02r",
         *           "is_current": false,
         *           "last_used_at": "2026-01-31T07:55:13.281904Z",
         *           "mfa": true,
         *           "tenant_id": "ten_01h455vb4pex5vsknk084sn02q"
         *         }
         *       ]
         *     }
         */
        SessionList: {
            /** @description The one last used first; a hundred at most. */
            data: components["schemas"]["SessionView"][];
        };
        /**
         * @description The tokens of a session.
         * @example {
         *       "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjEifQ.eyJzdWIiOiJ1c3JfMDFoNDU1In0.c2lnbmF0dXJl",
         *       "expires_in": 600,
         *       "refresh_token": "bXkgcmVmcmVzaCB0b2tlbiwgMjU2IGJpdHMgb2YgaXQgaW4",
         *       "token_type": "bearer"
         *     }
         */
        SessionTokens: {
            /** @description Send it as `Authorization: Bearer …`. */
            access_token: string;
            /**
             * Format: int64
             * @description How long the access token lives, in seconds.
             * @example 600
             */
            expires_in: number;
            /**
             * @description True where the tenant asks for a second factor and the person has none: the session acts in no tenant until one
             *     is enrolled (`POST /auth/mfa/totp`) and `POST /auth/switch-tenant` is called.
             */
            mfa_enrolment_required?: boolean;
            /** @description Gives the next pair of tokens at `POST /auth/refresh`, once. */
            refresh_token: string;
            /** @example bearer */
            token_type: string;
        };
        /** @description A living session, as its owner sees it. */
        SessionView: {
            /** @description Where it was last used from. */
            address: string | null;
            /** Format: date-time */
            created_at: string;
            /**
             * @description The program and system, by what the client calls itself.
             * @example Firefox on Linux
             */
            device: string;
            /**
             * Format: date-time
             * @description When it is over if it is not refreshed.
             */
            expires_at: string;
            /** @example ses_01h455vb4pex5vsknk084sn02q */
            id: string;
            /** @description Whether this request is of it. */
            is_current: boolean;
            /**
             * Format: date-time
             * @description When it began or was last refreshed; a client refreshes every ten minutes of use.
             */
            last_used_at: string;
            /** @description Whether a second factor was given. */
            mfa: boolean;
            tenant_id: string | null;
        };
        /**
         * @description Where a lead came from.
         * @enum {string}
         */
        Source: "WEBSITE" | "REFERRAL" | "SOCIAL_MEDIA" | "EMAIL_CAMPAIGN" | "PAID_ADS" | "EVENT" | "COLD_OUTREACH" | "OTHER";
        /**
         * @description How far a lead has come.
         * @enum {string}
         */
        Status: "NEW" | "CONTACTED" | "QUALIFIED" | "PROPOSAL" | "WON" | "LOST";
        /**
         * @description A move of a lead.
         * @example {
         *       "changed_at": "2026-01-31T09:41:12.000512Z",
         *       "changed_by": "usr_01h455vb4pex5vsknk084sn02q",
         *       "from": "NEW",
         *       "to": "CONTACTED"
         *     }
         */
        StatusChange: {
            /** Format: date-time */
            changed_at: string;
            /**
             * @description Who moved it.
             * @example usr_01h455vb4pex5vsknk084sn02q
             */
            changed_by: string;
            from: components["schemas"]["Status"];
            to: components["schemas"]["Status"];
        };
        /**
         * @description How many went of each kind.
         * @example {
         *       "has_more": false,
         *       "mail_tokens": 31,
         *       "mfa_challenges": 7,
         *       "sessions": 128
         *     }
         */
        Swept: {
            /** @description Whether there may be more: sweep again. */
            has_more: boolean;
            /**
             * Format: int32
             * @description Expired more than 7 days ago.
             */
            mail_tokens: number;
            /**
             * Format: int32
             * @description Expired.
             */
            mfa_challenges: number;
            /**
             * Format: int32
             * @description Ended or expired more than 30 days ago, with their refresh tokens.
             */
            sessions: number;
        };
        /**
         * @description What became of what was due.
         * @example {
         *       "claimed": 5,
         *       "failed": 1,
         *       "looked_at": 4
         *     }
         */
        SweptPayments: {
            /**
             * Format: int32
             * @description How many were taken; as many as 16 say that there may be more.
             */
            claimed: number;
            /**
             * Format: int32
             * @description Could not be asked about; they are due again in ten minutes.
             */
            failed: number;
            /**
             * Format: int32
             * @description Asked about.
             */
            looked_at: number;
        };
        /**
         * @description An access token for another tenant; the refresh token stays the same.
         * @example {
         *       "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjEifQ.eyJzdWIiOiJ1c3JfMDFoNDU1In0.c2lnbmF0dXJl",
         *       "expires_in": 600,
         *       "tenant": {
         *         "id": "ten_01h455vb4pex5vsknk084sn02q",
         *         "name": "Analytical Engines",
         *         "role": "owner",
         *         "slug": "analytical-engines"
         *       },
         *       "token_type": "bearer"
         *     }
         */
        SwitchedTenant: {
            /** @description Takes the place of the one before, which is refused from now on. */
            access_token: string;
            /**
             * Format: int64
             * @description How long the access token lives, in seconds.
             * @example 600
             */
            expires_in: number;
            tenant: components["schemas"]["TenantView"];
            /** @example bearer */
            token_type: string;
        };
        /**
         * @description A tenant with its policies, as those inside see it.
         * @example {
         *       "created_at": "2026-01-31T09:30:00.123456Z",
         *       "id": "ten_01h455vb4pex5vsknk084sn02q",
         *       "mfa_required": false,
         *       "name": "Analytical Engines",
         *       "password_min_length": null,
         *       "slug": "analytical-engines"
         *     }
         */
        Tenant: {
            /** Format: date-time */
            created_at: string;
            /** @example ten_01h455vb4pex5vsknk084sn02q */
            id: string;
            /** @description Whether nobody acts in the tenant without a second factor. */
            mfa_required: boolean;
            /** @example Analytical Engines */
            name: string;
            /**
             * Format: int32
             * @description How short its members' new passwords may be; null where the deployment's own minimum stands.
             * @example 12
             */
            password_min_length: number | null;
            /**
             * @description Names the tenant at log-in: `scope=tenant:<slug>`. It stays as it was made.
             * @example analytical-engines
             */
            slug: string;
        };
        /** @description What is to change: an absent field stays as it is. */
        TenantChanges: {
            /**
             * @description Only for somebody who gave a second factor in this session. Members without one are refused from now on, until they
             *     have enrolled one.
             */
            mfa_required?: boolean;
            /**
             * @description The slug stays.
             * @example Difference Engines
             */
            name?: string;
            /**
             * Format: int32
             * @description 8 to 128; null takes it away. It holds for new passwords; those that are there stay.
             * @example 12
             */
            password_min_length?: number | null;
        };
        /** @description Where to go on. */
        TenantChoice: {
            /** @example ten_01h455vb4pex5vsknk084sn02q */
            tenant_id: string;
        };
        /**
         * @description A tenant, and what the person is in it.
         * @example {
         *       "id": "ten_01h455vb4pex5vsknk084sn02q",
         *       "name": "Analytical Engines",
         *       "role": "owner",
         *       "slug": "analytical-engines"
         *     }
         */
        TenantView: {
            /** @example ten_01h455vb4pex5vsknk084sn02q */
            id: string;
            /** @example Analytical Engines */
            name: string;
            role: components["schemas"]["Role"];
            /**
             * @description Names the tenant at log-in: `scope=tenant:<slug>`.
             * @example analytical-engines
             */
            slug: string;
        };
        /** @description What is to change of an account. Holds a password, so it has no `Debug`. */
        UserChange: {
            /**
             * @description A new address; it has to be verified again, and the old one is told.
             * @example ada@example.com
             */
            email?: string | null;
            /** @description Taken and ignored on `/users/me`; an administrator's word on `/users/{id}`. */
            is_active?: boolean | null;
            /**
             * @deprecated
             * @description Taken and ignored, as fastapi-users does.
             */
            is_superuser?: boolean | null;
            /**
             * @deprecated
             * @description Taken and ignored, as fastapi-users does.
             */
            is_verified?: boolean | null;
            /** @description A new password; all other sessions end. */
            password?: string | null;
        };
        /**
         * @description A page of a tenant's: `https://shop.example.com/thanks?order=7`.
         * @example https://shop.example.com/thanks
         */
        WebAddress: string;
        /**
         * @description What a gateway is told.
         * @example {
         *       "received": true
         *     }
         */
        WebhookReceipt: {
            /** @description Always true: it is kept. */
            received: boolean;
        };
        /**
         * @description An `http` or `https` address with a domain name.
         * @example https://example.com
         */
        Website: string;
    };
    responses: {
        /** @description Any other refusal; `code` says which, and `detail` what to do about it. */
        Problem: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ProblemBody"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: {
        /**
         * @description Of each limit what is left (`r`), and in how many seconds there is more (`t`)
         * @example "user";r=299;t=42, "tenant";r=1180;t=42
         */
        RateLimit: string;
        /**
         * @description The limits: `q` requests in `w` seconds
         * @example "user";q=300;w=60, "tenant";q=1200;w=60
         */
        "RateLimit-Policy": string;
        /** @description Seconds to wait before trying again */
        "Retry-After": number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    show_welcome: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_public_keys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A JWK Set; keep it for five minutes at most */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "keys": [
                     *         {
                     *           "alg": "EdDSA",
                     *           "crv": "Ed25519",
                     *           "kid": "2026-01",
                     *           "kty": "OKP",
                     *           "use": "sig",
                     *           "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/jwk-set+json": unknown;
                };
            };
            /** @description `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    summarize_leads: {
        parameters: {
            query?: {
                /** @description Those that were created at this moment or later; all that are old enough if it is left out. */
                created_after?: string;
                /**
                 * @description Those that were created before this moment. A period with both ends has 366 days of UTC at most; one that has
                 *     only its beginning ends today.
                 */
                created_before?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The figures */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LeadAnalytics"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    summarize_payments: {
        parameters: {
            query?: {
                /** @description Those created at this moment or later; 30 days before the end if it is left out. */
                created_after?: string;
                /** @description Those created before this moment; now if it is left out. A period has 366 days at most. */
                created_before?: string;
                /** @description `live` by default. */
                mode?: components["schemas"]["Mode"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The figures */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentFigures"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_api_keys: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many keys to give at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of keys */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_ApiKey"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    create_api_key: {
        parameters: {
            query?: never;
            header?: {
                /** @description Repeats make no second key */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "nightly import",
                 *       "scopes": [
                 *         "leads:read",
                 *         "leads:write"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["NewApiKey"];
            };
        };
        responses: {
            /** @description The key, this once */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedApiKey"];
                };
            };
            /** @description `malformed_json`, `unreadable_body`, `invalid_idempotency_key` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `api_key_already_shown`, `too_many_api_keys`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    revoke_api_key: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The key
                 * @example key_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key is refused from now on */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `api_key_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_audit_log: {
        parameters: {
            query?: {
                /**
                 * @description What was done.
                 * @example api_key.created
                 */
                action?: string;
                /**
                 * @description The person who did it, also through an API key of theirs.
                 * @example usr_01h455vb4pex5vsknk084sn02q
                 */
                actor?: string;
                /**
                 * @description The API key that it was done with.
                 * @example key_01h455vb4pex5vsknk084sn02q
                 */
                api_key?: string;
                /** @description Done at this moment or later. */
                created_after?: string;
                /** @description Done before this moment. */
                created_before?: string;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many entries to give at most. */
                limit?: number;
                /**
                 * @description Whom or what it was done to: the id of a person, a session, an invitation, an API key or the tenant.
                 * @example usr_01h455vb4pex5vsknk084sn02q
                 */
                target?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of entries */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AuditEntry"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    forget_password: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ada@example.com"
                 *     }
                 */
                "application/json": components["schemas"]["Mailbox"];
            };
        };
        responses: {
            /** @description Taken */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": null;
                };
            };
            /** @description `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    auth_healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process answers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    introspect: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "an access token or an API key"
                 *     }
                 */
                "application/x-www-form-urlencoded": components["schemas"]["IntrospectionForm"];
            };
        };
        responses: {
            /** @description What it opens; `active` alone if nothing */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Introspection"];
                };
            };
            /** @description `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated`: the service token is missing or wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    log_in: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery staple",
                 *       "username": "ada@example.com"
                 *     }
                 */
                "application/x-www-form-urlencoded": components["schemas"]["LogIn"];
            };
        };
        responses: {
            /** @description The tokens, or a challenge */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoggedIn"];
                };
            };
            /** @description `bad_credentials` (detail LOGIN_BAD_CREDENTIALS), `user_not_verified` (detail LOGIN_USER_NOT_VERIFIED), `unknown_tenant_scope`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `log_in_throttled`, `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    log_out: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session has ended */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    find_mfa: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The factor */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MfaView"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    renew_recovery_codes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery staple"
                 *     }
                 */
                "application/json": components["schemas"]["FreshPassword"];
            };
        };
        responses: {
            /** @description The codes */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecoveryCodes"];
                };
            };
            /** @description `wrong_password`, `invalid_mfa_code`, `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `mfa_already_enrolled`, `mfa_not_enrolled`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `log_in_throttled`, `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    enrol_totp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery staple"
                 *     }
                 */
                "application/json": components["schemas"]["FreshPassword"];
            };
        };
        responses: {
            /** @description The seed */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewTotp"];
                };
            };
            /** @description `wrong_password`, `invalid_mfa_code`, `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `mfa_already_enrolled`, `mfa_not_enrolled`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `log_in_throttled`, `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    remove_totp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery staple"
                 *     }
                 */
                "application/json": components["schemas"]["FreshPassword"];
            };
        };
        responses: {
            /** @description Removed, with the recovery codes */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `wrong_password`, `invalid_mfa_code`, `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `mfa_already_enrolled`, `mfa_not_enrolled`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `log_in_throttled`, `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    confirm_totp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "492039"
                 *     }
                 */
                "application/json": components["schemas"]["FirstCode"];
            };
        };
        responses: {
            /** @description The recovery codes */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecoveryCodes"];
                };
            };
            /** @description `wrong_password`, `invalid_mfa_code`, `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `mfa_already_enrolled`, `mfa_not_enrolled`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `log_in_throttled`, `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    give_factor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "492039",
                 *       "mfa_token": "the mfa_token that log-in answered"
                 *     }
                 */
                "application/json": components["schemas"]["GivenFactor"];
            };
        };
        responses: {
            /** @description The tokens */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionTokens"];
                };
            };
            /** @description `invalid_mfa_token`, `invalid_mfa_code`, `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `log_in_throttled`, `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    auth_readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready, or degraded without the store */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description `not_ready`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    refresh_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "refresh_token": "the refresh_token that log-in answered"
                 *     }
                 */
                "application/json": components["schemas"]["RefreshToken"];
            };
        };
        responses: {
            /** @description The next tokens */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionTokens"];
                };
            };
            /** @description `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `invalid_refresh_token`, `refresh_token_reused` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: {
                /** @description Repeats get the first answer for 24 hours */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ada@example.com",
                 *       "password": "correct horse battery staple",
                 *       "tenant_name": "Analytical Engines"
                 *     }
                 */
                "application/json": components["schemas"]["NewUser"];
            };
        };
        responses: {
            /** @description The account */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            /** @description Taken, where the deployment hides who has an account; a message says more */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": null;
                };
            };
            /** @description `user_already_exists` (detail REGISTER_USER_ALREADY_EXISTS), `invalid_password` (detail { code: REGISTER_INVALID_PASSWORD, reason }), `malformed_json`, `unreadable_body`, `invalid_idempotency_key` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    request_verification: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ada@example.com"
                 *     }
                 */
                "application/json": components["schemas"]["Mailbox"];
            };
        };
        responses: {
            /** @description Taken */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": null;
                };
            };
            /** @description `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    reset_password: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery staple",
                 *       "token": "the token that came by mail"
                 *     }
                 */
                "application/json": components["schemas"]["NewPassword"];
            };
        };
        responses: {
            /** @description Done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": null;
                };
            };
            /** @description `reset_bad_token` (detail RESET_PASSWORD_BAD_TOKEN), `invalid_password` (detail { code: RESET_PASSWORD_INVALID_PASSWORD, reason }), `verify_bad_token` (detail VERIFY_USER_BAD_TOKEN), `already_verified` (detail VERIFY_USER_ALREADY_VERIFIED), `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_sessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sessions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionList"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    revoke_other_sessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many ended */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevokedSessions"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    revoke_session: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The session */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session has ended */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `session_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    switch_tenant: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "tenant_id": "ten_01h455vb4pex5vsknk084sn02q"
                 *     }
                 */
                "application/json": components["schemas"]["TenantChoice"];
            };
        };
        responses: {
            /** @description The access token */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SwitchedTenant"];
                };
            };
            /** @description `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    verify_email: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "the token that came by mail"
                 *     }
                 */
                "application/json": components["schemas"]["MailToken"];
            };
        };
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            /** @description `reset_bad_token` (detail RESET_PASSWORD_BAD_TOKEN), `invalid_password` (detail { code: RESET_PASSWORD_INVALID_PASSWORD, reason }), `verify_bad_token` (detail VERIFY_USER_BAD_TOKEN), `already_verified` (detail VERIFY_USER_ALREADY_VERIFIED), `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    crm_healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process answers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    crm_readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready, or degraded without the store */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description `not_ready`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    show_docs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    show_component_docs: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description `auth`, `crm`, `payments`, `events` or `web`
                 * @example crm
                 */
                component: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description `malformed_id`: the name is not UTF-8 */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `route_not_found`: no component has this name */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    show_docs_file: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As the page names it */
                digest: string;
                /**
                 * @description As the page names it
                 * @example swagger-ui.css
                 */
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file; it may be kept for good */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/css": string;
                    "text/javascript": string;
                    "text/plain": string;
                };
            };
            /** @description The file is still the one that `If-None-Match` names */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `malformed_id`: the name is not UTF-8 */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `route_not_found`: no such file, or not any more */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    events_healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process answers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    events_readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready, or degraded without the store */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description `not_ready`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    favicon: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The picture */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/svg+xml": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_gateways: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All gateways */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayDescriptions"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    find_gateway_account: {
        parameters: {
            query: {
                mode: components["schemas"]["Mode"];
            };
            header?: never;
            path: {
                /** @description The gateway */
                gateway: components["schemas"]["Gateway"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayAccount"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter`, `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `gateway_not_found`, `gateway_account_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    put_gateway_account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The gateway */
                gateway: components["schemas"]["Gateway"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "credentials": {
                 *         "secret_key": "sk_test_ada_0001",
                 *         "webhook_secret": "whsec_ada_0001"
                 *       },
                 *       "mode": "test"
                 *     }
                 */
                "application/json": components["schemas"]["NewAccount"];
            };
        };
        responses: {
            /** @description The account, without its credentials */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayAccount"];
                };
            };
            /** @description `malformed_id`, `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `gateway_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `invalid_credentials` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    remove_gateway_account: {
        parameters: {
            query: {
                mode: components["schemas"]["Mode"];
            };
            header?: never;
            path: {
                /** @description The gateway */
                gateway: components["schemas"]["Gateway"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The credentials are forgotten */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `gateway_not_found`, `gateway_account_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    reseal_auth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was sealed again */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Resealed"];
                };
            };
            /** @description `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sweep_auth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was removed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Swept"];
                };
            };
            /** @description `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_events: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many to give at most. */
                limit?: number;
                /** @description Only those in this state. */
                state?: "pending" | "delivered" | "skipped" | "dead";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Event"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    replay_event: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example evt_01h455vb4pex5vsknk084sn02q */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The event, pending again */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "attempts": 0,
                     *       "created_at": "2026-01-31T09:30:00.123456Z",
                     *       "id": "evt_01h455vb4pex5vsknk084sn02q",
                     *       "last_error": null,
                     *       "next_attempt_at": "2026-02-01T11:02:07.000512Z",
                     *       "settled_at": null,
                     *       "state": "pending",
                     *       "tenant_id": "ten_01h455vb4pex5vsknk084sn02q",
                     *       "type": "mail.verification"
                     *     }
                     */
                    "application/json": components["schemas"]["Event"];
                };
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `event_not_found`; `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `event_not_dead`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    dispatch_events: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What became of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Dispatched"];
                };
            };
            /** @description `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    read_auth_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text; version=1.0.0; charset=utf-8": string;
                };
            };
            /** @description `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    read_events_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text; version=1.0.0; charset=utf-8": string;
                };
            };
            /** @description `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    read_payments_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text; version=1.0.0; charset=utf-8": string;
                };
            };
            /** @description `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    reseal_payments: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was sealed again */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResealedAccounts"];
                };
            };
            /** @description `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sweep_payments: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What became of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SweptPayments"];
                };
            };
            /** @description `route_not_found`: the service token is missing or wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_invitations: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many invitations to give at most. */
                limit?: number;
                status?: components["schemas"]["InvitationStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of invitations */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Invitation"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    create_invitation: {
        parameters: {
            query?: never;
            header?: {
                /** @description Repeats get the first answer for 24 hours */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "charles@example.com",
                 *       "role": "member"
                 *     }
                 */
                "application/json": components["schemas"]["NewInvitation"];
            };
        };
        responses: {
            /** @description The invitation */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Invitation"];
                };
            };
            /** @description `malformed_json`, `unreadable_body`, `invalid_idempotency_key` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `already_member`, `invitation_pending`, `too_many_invitations`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    withdraw_invitation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The invitation
                 * @example inv_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its token opens nothing */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `invitation_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `invitation_accepted`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    accept_invitation: {
        parameters: {
            query?: never;
            header?: {
                /** @description Repeats get the first answer for 24 hours */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery staple",
                 *       "token": "the token that came by mail"
                 *     }
                 */
                "application/json": components["schemas"]["InvitationToken"];
            };
        };
        responses: {
            /** @description The tenant, for who is logged in */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JoinedTenant"];
                };
            };
            /** @description The new account, in the tenant */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            /** @description `invitation_bad_token`, `invalid_password` (detail { code: REGISTER_INVALID_PASSWORD, reason }), `malformed_json`, `unreadable_body`, `invalid_idempotency_key` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `invitation_for_another_address`, `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `log_in_to_accept`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_leads: {
        parameters: {
            query?: {
                /** @description Created at this moment or later. */
                created_after?: string;
                /** @description Created before this moment. */
                created_before?: string;
                /** @description The `next_cursor` of the page before, with the same `sort`. */
                cursor?: string;
                /** @description How many leads to give at most. */
                limit?: number;
                /**
                 * @description This score or a higher one.
                 * @example 75
                 */
                min_score?: number;
                priority?: components["schemas"]["Priority"];
                /**
                 * @description Part of the email address, the name or the company, in any case: 1 to 200 characters.
                 * @example lovelace
                 */
                q?: string;
                sort?: "created_at" | "-created_at" | "score" | "-score";
                source?: components["schemas"]["Source"];
                status?: components["schemas"]["Status"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of leads */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Lead"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    create_lead: {
        parameters: {
            query?: never;
            header?: {
                /** @description Repeats get the first answer for 24 hours */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "company": "Analytical Engines",
                 *       "country": "GB",
                 *       "email": "ada@example.com",
                 *       "first_name": "Ada",
                 *       "job_title": "CEO",
                 *       "last_name": "Lovelace",
                 *       "source": "REFERRAL"
                 *     }
                 */
                "application/json": components["schemas"]["NewLead"];
            };
        };
        responses: {
            /** @description The lead */
            201: {
                headers: {
                    /** @description The version of the lead */
                    ETag?: string;
                    /** @description The path of the lead */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Lead"];
                };
            };
            /** @description `malformed_json`, `unreadable_body`, `invalid_idempotency_key` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    find_lead: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The lead
                 * @example led_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The lead */
            200: {
                headers: {
                    /** @description The version of the lead */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Lead"];
                };
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `lead_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    delete_lead: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that the lead must still have */
                "If-Match"?: string;
            };
            path: {
                /**
                 * @description The lead
                 * @example led_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The lead is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `malformed_id`, `invalid_if_match` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `lead_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `version_mismatch` */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    update_lead: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that the lead must still have */
                "If-Match"?: string;
            };
            path: {
                /**
                 * @description The lead
                 * @example led_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "job_title": "CTO",
                 *       "phone": null,
                 *       "priority": "HIGH"
                 *     }
                 */
                "application/json": components["schemas"]["LeadChanges"];
            };
        };
        responses: {
            /** @description The lead as it stands now */
            200: {
                headers: {
                    /** @description The version of the lead */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Lead"];
                };
            };
            /** @description `malformed_id`, `malformed_json`, `unreadable_body`, `invalid_if_match` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `lead_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `version_mismatch` */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    move_lead: {
        parameters: {
            query?: never;
            header?: {
                /** @description Repeats get the first answer for 24 hours */
                "Idempotency-Key"?: string;
                /** @description The ETag that the lead must still have */
                "If-Match"?: string;
            };
            path: {
                /**
                 * @description The lead
                 * @example led_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "status": "CONTACTED"
                 *     }
                 */
                "application/json": components["schemas"]["NewStatus"];
            };
        };
        responses: {
            /** @description The lead in its new status */
            200: {
                headers: {
                    /** @description The version of the lead */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Lead"];
                };
            };
            /** @description `malformed_id`, `malformed_json`, `unreadable_body`, `invalid_if_match`, `invalid_idempotency_key` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `lead_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `lead_move_not_allowed`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `version_mismatch` */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_lead_status_changes: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many moves to give at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /**
                 * @description The lead
                 * @example led_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of moves */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_StatusChange"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter`, `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `lead_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_ledger_balances: {
        parameters: {
            query?: {
                /** @description `live` by default. */
                mode?: components["schemas"]["Mode"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The balances */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Balances"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_ledger_entries: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many entries to give at most. */
                limit?: number;
                /** @description `live` by default. */
                mode?: components["schemas"]["Mode"];
                /**
                 * @description Those of one payment.
                 * @example pay_01h455vb4pex5vsknk084sn02q
                 */
                payment?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of entries */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_LedgerEntry"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    reconcile: {
        parameters: {
            query: {
                /**
                 * @description Payments that were created at this moment or later.
                 * @example 2026-11-01T00:00:00Z
                 */
                created_after: string;
                /**
                 * @description Created before this moment, at most 31 days later.
                 * @example 2026-11-08T00:00:00Z
                 */
                created_before: string;
                /** @description One that lists its payments: `lists_payments` in `GET /gateways`. */
                gateway: components["schemas"]["Gateway"];
                /** @description `live` by default. */
                mode?: components["schemas"]["Mode"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The report */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reconciliation"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `gateway_account_missing`, `gateway_refused`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `operation_not_supported`, `window_too_wide` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `gateway_unanswered`, `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_memberships: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many members to give at most. */
                limit?: number;
                role?: components["schemas"]["Role"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of members */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Membership"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    end_membership: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The person
                 * @example usr_01h455vb4pex5vsknk084sn02r
                 */
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The membership has ended */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `user_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `last_owner`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    change_membership: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The person
                 * @example usr_01h455vb4pex5vsknk084sn02r
                 */
                user: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "role": "viewer"
                 *     }
                 */
                "application/json": components["schemas"]["RoleChange"];
            };
        };
        responses: {
            /** @description The membership as it stands now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Membership"];
                };
            };
            /** @description `malformed_id`, `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `user_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `last_owner`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    show_description: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document */
            200: {
                headers: {
                    /** @description Changes when the document does */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "info": {
                     *         "title": "BizoSaaS",
                     *         "version": "0.1.0"
                     *       },
                     *       "openapi": "3.1.0",
                     *       "paths": {
                     *         "/users/me": {
                     *           "get": {
                     *             "operationId": "find_me",
                     *             "tags": [
                     *               "users"
                     *             ]
                     *           }
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": Record<string, never>;
                };
            };
            /** @description The document is still the one that `If-None-Match` names */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    show_component_description: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The component with `.json`: `auth.json`, `crm.json`, `payments.json`, `events.json` or `web.json`
                 * @example crm.json
                 */
                document: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document */
            200: {
                headers: {
                    /** @description Changes when the document does */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "info": {
                     *         "title": "BizoSaaS: crm",
                     *         "version": "0.1.0"
                     *       },
                     *       "openapi": "3.1.0",
                     *       "paths": {
                     *         "/leads": {
                     *           "get": {
                     *             "operationId": "list_leads",
                     *             "tags": [
                     *               "leads"
                     *             ]
                     *           }
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": Record<string, never>;
                };
            };
            /** @description The document is still the one that `If-None-Match` names */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `malformed_id`: the name is not UTF-8 */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `route_not_found`: no component has this name */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_payments: {
        parameters: {
            query?: {
                /** @description Created at this moment or later. */
                created_after?: string;
                /** @description Created before this moment. */
                created_before?: string;
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                gateway?: components["schemas"]["Gateway"];
                /** @description How many payments to give at most. */
                limit?: number;
                mode?: components["schemas"]["Mode"];
                state?: components["schemas"]["PaymentState"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of payments */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Payment"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    create_payment: {
        parameters: {
            query?: never;
            header: {
                /** @description Repeats make no second payment and get the first answer for 24 hours */
                "Idempotency-Key": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "amount": 1099,
                 *       "currency": "EUR",
                 *       "description": "Pro plan",
                 *       "gateway": "test"
                 *     }
                 */
                "application/json": components["schemas"]["NewPayment"];
            };
        };
        responses: {
            /** @description The payment */
            201: {
                headers: {
                    /** @description The version of the payment */
                    ETag?: string;
                    /** @description The path of the payment */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Payment"];
                };
            };
            /** @description The gateway did not answer in time: the payment, whose outcome will be found out */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Payment"];
                };
            };
            /** @description `malformed_json`, `unreadable_body`, `invalid_idempotency_key`, `idempotency_key_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight`, `gateway_account_missing` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused`, `operation_not_supported`, `amount_not_accepted`, `no_gateway_fits`, `return_url_not_allowed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    find_payment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The payment
                 * @example pay_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The payment */
            200: {
                headers: {
                    /** @description The version of the payment */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Payment"];
                };
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `payment_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    cancel_payment: {
        parameters: {
            query?: never;
            header: {
                /** @description Repeats get the first answer for 24 hours */
                "Idempotency-Key": string;
            };
            path: {
                /**
                 * @description The payment
                 * @example pay_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["NewCancellation"];
            };
        };
        responses: {
            /** @description The payment */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Payment"];
                };
            };
            /** @description The gateway did not answer in time: the payment, whose outcome will be found out */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Payment"];
                };
            };
            /** @description `malformed_id`, `malformed_json`, `unreadable_body`, `invalid_idempotency_key`, `idempotency_key_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `payment_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight`, `payment_not_cancelable`, `gateway_account_missing`, `gateway_declined`, `gateway_refused` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused`, `operation_not_supported` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    capture_payment: {
        parameters: {
            query?: never;
            header: {
                /** @description Repeats get the first answer for 24 hours */
                "Idempotency-Key": string;
            };
            path: {
                /**
                 * @description The payment
                 * @example pay_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "amount": 1099
                 *     }
                 */
                "application/json": components["schemas"]["NewCapture"];
            };
        };
        responses: {
            /** @description The payment */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Payment"];
                };
            };
            /** @description The gateway did not answer in time: the payment, whose outcome will be found out */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Payment"];
                };
            };
            /** @description `malformed_id`, `malformed_json`, `unreadable_body`, `invalid_idempotency_key`, `idempotency_key_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `payment_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight`, `payment_not_capturable`, `amount_exceeds_capturable`, `gateway_account_missing`, `gateway_declined`, `gateway_refused` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused`, `operation_not_supported`, `partial_capture_not_supported` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_payment_events: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many events to give at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /**
                 * @description The payment
                 * @example pay_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of the timeline */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_PaymentEvent"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter`, `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `payment_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_refunds: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many refunds to give at most. */
                limit?: number;
            };
            header?: never;
            path: {
                /**
                 * @description The payment
                 * @example pay_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of refunds */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Refund"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter`, `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `payment_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    create_refund: {
        parameters: {
            query?: never;
            header: {
                /** @description Repeats make no second refund and get the first answer for 24 hours */
                "Idempotency-Key": string;
            };
            path: {
                /**
                 * @description The payment
                 * @example pay_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "amount": 300,
                 *       "reason": "returned goods"
                 *     }
                 */
                "application/json": components["schemas"]["NewRefund"];
            };
        };
        responses: {
            /** @description The refund */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Refund"];
                };
            };
            /** @description The gateway did not answer in time: the refund, whose outcome will be found out */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Refund"];
                };
            };
            /** @description `malformed_id`, `malformed_json`, `unreadable_body`, `invalid_idempotency_key`, `idempotency_key_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required`, `refunds_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `payment_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight`, `payment_not_refundable`, `amount_exceeds_refundable`, `gateway_account_missing` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sync_payment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The payment
                 * @example pay_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The payment as the gateway has it now */
            200: {
                headers: {
                    /** @description The version of the payment */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Payment"];
                };
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `payment_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight`, `gateway_account_missing` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    payments_healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process answers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    payments_readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready, or degraded without the store */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description `not_ready`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    return_payer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The payment's token, from the address that its gateway was given */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page, where the tenant has none */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description On to the tenant's page, with `payment_id` added */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `return_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    return_payer_by_form: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The payment's token, from the address that its gateway was given */
                token: string;
            };
            cookie?: never;
        };
        /** @description As the gateway's page sends it */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "choice": "paid"
                 *     }
                 */
                "application/x-www-form-urlencoded": Record<string, never>;
            };
        };
        responses: {
            /** @description A page, where the tenant has none */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description On to the tenant's page, with `payment_id` added */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `return_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    find_payment_routing: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rules */
            200: {
                headers: {
                    /** @description The version of the rules */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentRouting"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    put_payment_routing: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that the rules must still have */
                "If-Match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "rules": [
                 *         {
                 *           "currencies": [
                 *             "INR"
                 *           ],
                 *           "gateways": [
                 *             "razorpay",
                 *             "payu"
                 *           ]
                 *         },
                 *         {
                 *           "gateways": [
                 *             "stripe",
                 *             "paypal"
                 *           ]
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["PaymentRouting"];
            };
        };
        responses: {
            /** @description The rules */
            200: {
                headers: {
                    /** @description The version of the rules */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentRouting"];
                };
            };
            /** @description `malformed_json`, `unreadable_body`, `invalid_if_match` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `version_mismatch` */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    find_payment_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rules */
            200: {
                headers: {
                    /** @description The version of the rules */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentSettings"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    put_payment_settings: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that the rules must still have */
                "If-Match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "members_may_refund": false,
                 *       "return_origins": [
                 *         "https://shop.example.com"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["PaymentSettings"];
            };
        };
        responses: {
            /** @description The rules */
            200: {
                headers: {
                    /** @description The version of the rules */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentSettings"];
                };
            };
            /** @description `malformed_json`, `unreadable_body`, `invalid_if_match` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `version_mismatch` */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    robots: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    list_tenants: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description How many tenants to give at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of tenants */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_TenantView"];
                };
            };
            /** @description `invalid_parameter`, `unknown_parameter` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    create_tenant: {
        parameters: {
            query?: never;
            header?: {
                /** @description Repeats get the first answer for 24 hours */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Analytical Engines"
                 *     }
                 */
                "application/json": components["schemas"]["NewTenant"];
            };
        };
        responses: {
            /** @description The tenant */
            201: {
                headers: {
                    /** @description The path of the tenant */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantView"];
                };
            };
            /** @description `malformed_json`, `unreadable_body`, `invalid_idempotency_key` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed`, `idempotency_key_reused` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    find_tenant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The tenant
                 * @example ten_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The tenant */
            200: {
                headers: {
                    /** @description The version of the tenant */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    change_tenant: {
        parameters: {
            query?: never;
            header?: {
                /** @description The ETag that the tenant must still have */
                "If-Match"?: string;
            };
            path: {
                /**
                 * @description The tenant
                 * @example ten_01h455vb4pex5vsknk084sn02q
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Difference Engines",
                 *       "password_min_length": 12
                 *     }
                 */
                "application/json": components["schemas"]["TenantChanges"];
            };
        };
        responses: {
            /** @description The tenant as it stands now */
            200: {
                headers: {
                    /** @description The version of the tenant */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            /** @description `malformed_id`, `malformed_json`, `unreadable_body`, `invalid_if_match` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `mfa_not_enrolled`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `version_mismatch` */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    find_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The person */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            /** @description `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `user_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    delete_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The person */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The membership has ended */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `email_already_exists` (detail UPDATE_USER_EMAIL_ALREADY_EXISTS), `invalid_password` (detail { code: UPDATE_USER_INVALID_PASSWORD, reason }), `malformed_id` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `user_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `user_in_other_tenants`, `deactivating_oneself`, `last_owner`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    change_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The person */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "is_active": false
                 *     }
                 */
                "application/json": components["schemas"]["UserChange"];
            };
        };
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            /** @description `email_already_exists` (detail UPDATE_USER_EMAIL_ALREADY_EXISTS), `invalid_password` (detail { code: UPDATE_USER_INVALID_PASSWORD, reason }), `malformed_id`, `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `user_not_found`, `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `user_in_other_tenants`, `deactivating_oneself`, `last_owner`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    find_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    change_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "a quite different horse"
                 *     }
                 */
                "application/json": components["schemas"]["UserChange"];
            };
        };
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            /** @description `email_already_exists` (detail UPDATE_USER_EMAIL_ALREADY_EXISTS), `invalid_password` (detail { code: UPDATE_USER_INVALID_PASSWORD, reason }), `malformed_json`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unauthenticated` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `forbidden`, `mfa_required` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `tenant_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `unsupported_media_type` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    receive_bare_webhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The gateway
                 * @example stripe
                 */
                gateway: string;
            };
            cookie?: never;
        };
        /** @description As the gateway sends it, signed in its own way */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "created": 1795000000,
                 *       "data": {
                 *         "object": {
                 *           "client_reference_id": "pay_01h455vb4pex5vsknk084sn02q",
                 *           "id": "cs_test_a1B2c3",
                 *           "object": "checkout.session"
                 *         }
                 *       },
                 *       "id": "evt_1Q2w3E4r5T",
                 *       "livemode": false,
                 *       "type": "checkout.session.completed"
                 *     }
                 */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It is kept */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookReceipt"];
                };
            };
            /** @description `malformed_id`, `webhook_unreadable`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `webhook_not_signed` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `gateway_not_found`, `gateway_account_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `webhook_other_mode`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `webhook_not_verified`, `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    receive_webhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The gateway account
                 * @example gwa_01h455vb4pex5vsknk084sn02q
                 */
                account: string;
                /**
                 * @description The gateway
                 * @example stripe
                 */
                gateway: string;
            };
            cookie?: never;
        };
        /** @description As the gateway sends it, signed in its own way */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "created": 1795000000,
                 *       "data": {
                 *         "object": {
                 *           "client_reference_id": "pay_01h455vb4pex5vsknk084sn02q",
                 *           "id": "cs_test_a1B2c3",
                 *           "object": "checkout.session"
                 *         }
                 *       },
                 *       "id": "evt_1Q2w3E4r5T",
                 *       "livemode": false,
                 *       "type": "checkout.session.completed"
                 *     }
                 */
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It is kept */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookReceipt"];
                };
            };
            /** @description `malformed_id`, `webhook_unreadable`, `unreadable_body` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `webhook_not_signed` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `gateway_not_found`, `gateway_account_not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_timed_out` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `webhook_other_mode`, `conflict_in_flight` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `body_too_large` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `rate_limited` */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            /** @description `webhook_not_verified`, `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured` */
            503: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemBody"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
}
