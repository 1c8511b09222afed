-- Upkeep that somebody has asked for, of tables whose driver is running: it does it between two batches.
CREATE TABLE upkeep_requests (
    request_id uuid PRIMARY KEY,
    table_name text NOT NULL,
    action     text NOT NULL CHECK (action IN ('compact', 'vacuum')),
    asked_at   timestamptz NOT NULL DEFAULT now(),
    run_id     uuid,
    done_at    timestamptz,
    result     jsonb,
    problem    text
);
CREATE INDEX upkeep_requests_open ON upkeep_requests (asked_at) WHERE done_at IS NULL;
COMMENT ON COLUMN upkeep_requests.run_id IS 'of the driver that has begun it';
