-- Lists of a tenant's members and of the invitations that one person made.

-- Pages of members, the oldest membership first.
create index memberships_created on auth.memberships (tenant_id, created_at, user_id);
-- Whoever is shown out takes their invitations with them.
create index invitations_inviter on auth.invitations (tenant_id, invited_by)
    where accepted_at is null and withdrawn_at is null;
