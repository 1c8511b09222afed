-- What was asked for by `tapehouse history`, and what became of it.
CREATE TABLE history_requests (
    request_id  text PRIMARY KEY,
    source      text NOT NULL,
    options     jsonb NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
COMMENT ON COLUMN history_requests.finished_at IS 'null: something is missing, and --resume goes on';
CREATE TABLE fetches (
    request_id    text NOT NULL REFERENCES history_requests,
    dataset       text NOT NULL,
    vendor_symbol text NOT NULL,
    begins        date NOT NULL,
    ends          date NOT NULL,
    place         integer NOT NULL,
    state         text NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'refused')),
    object        text,
    rows          integer,
    problem       text,
    PRIMARY KEY (request_id, dataset, vendor_symbol, begins, ends)
);
COMMENT ON COLUMN fetches.object IS 'the sidecar in the raw bucket';
COMMENT ON COLUMN fetches.state IS 'refused: not for this key, and not asked for again';
