-- A sign-in by which a person proves themselves anew names the session that it takes the place of, and whose it is.
-- `authenticated_at` is when the provider says that they proved themselves to it.
alter table identity.sso_attempt
add column renewed_user_id uuid,
add column renewed_session_id uuid,
add column authenticated_at timestamptz;
