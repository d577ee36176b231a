// Generated from components/web/openapi.json by `clients/typescript/run generate`. Do not edit.

/** What takes an `Idempotency-Key`, so that a repeat does nothing twice. */
export const KEYED: readonly string[] = [
  "POST /api-keys",
  "POST /auth/register",
  "POST /invitations",
  "POST /invitations/accept",
  "POST /leads",
  "POST /leads/{id}/status",
  "POST /payments",
  "POST /payments/{id}/cancel",
  "POST /payments/{id}/capture",
  "POST /payments/{id}/refunds",
  "POST /tenants",
];

/** What asks for no credentials, so that none are sent. */
export const OPEN: readonly string[] = [
  "GET /",
  "GET /.well-known/jwks.json",
  "GET /auth/healthz",
  "GET /auth/readyz",
  "GET /crm/healthz",
  "GET /crm/readyz",
  "GET /docs",
  "GET /docs/assets/{digest}/{file}",
  "GET /docs/{component}",
  "GET /events/healthz",
  "GET /events/readyz",
  "GET /favicon.svg",
  "GET /openapi.json",
  "GET /openapi/{document}",
  "GET /payments/healthz",
  "GET /payments/readyz",
  "GET /payments/return/{token}",
  "GET /robots.txt",
  "POST /auth/forgot-password",
  "POST /auth/jwt/login",
  "POST /auth/mfa/verify",
  "POST /auth/refresh",
  "POST /auth/register",
  "POST /auth/request-verify-token",
  "POST /auth/reset-password",
  "POST /auth/verify",
  "POST /payments/return/{token}",
  "POST /webhooks/{gateway}",
  "POST /webhooks/{gateway}/{account}",
];

/** What answers with a redirect, for a person's browser to follow. */
export const REDIRECTING: readonly string[] = [
  "GET /payments/return/{token}",
  "POST /payments/return/{token}",
];
