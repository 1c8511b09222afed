-- What is open: sessions to fetch, and values to look at. Kept by the jobs that find them, tried by `tapehouse gaps`.
CREATE TABLE work (
    kind          text NOT NULL CHECK (kind IN ('fetch', 'look')),
    subject       text NOT NULL,
    source        text NOT NULL,
    instrument_id text NOT NULL,
    session       date NOT NULL,
    dataset       text NOT NULL,
    reason        text NOT NULL,
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'given_up')),
    first_seen    timestamptz NOT NULL DEFAULT now(),
    last_seen     timestamptz NOT NULL DEFAULT now(),
    tries         integer NOT NULL DEFAULT 0,
    last_tried    timestamptz,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX work_open ON work (kind, session) WHERE state <> 'done';
COMMENT ON COLUMN work.dataset IS 'to fetch: 1d or 1m; to look at: the field that differs';
COMMENT ON COLUMN work.state IS 'done: the job that found it does not find it any more; given_up: tried as often as it may be';
COMMENT ON COLUMN work.tries IS 'fills that came to it, whatever came of them; what the budget refuses is none';
