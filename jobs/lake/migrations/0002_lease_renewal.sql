-- A lease is renewed while its holder is well; one that is not renewed can be taken from its holder.
ALTER TABLE leases ADD COLUMN renewed_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN leases.renewed_at IS 'by the clock of PostgreSQL; a holder that is older than a minute is challenged';
