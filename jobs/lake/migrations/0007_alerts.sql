-- What is wrong and needs somebody: opened and closed by code, one open row for a name and a subject.
CREATE TABLE alerts (
    name      text NOT NULL,
    subject   text NOT NULL,
    found     text NOT NULL,
    remedy    text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    seen_at   timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz
);
CREATE UNIQUE INDEX alerts_open ON alerts (name, subject) WHERE closed_at IS NULL;
COMMENT ON COLUMN alerts.seen_at IS 'when it was last found to be so';
