-- Runs of programs, the batches of streams, and who may write a group of tables.
CREATE TABLE runs (
    run_id     uuid PRIMARY KEY,
    job        text NOT NULL,
    host       text NOT NULL,
    pid        integer NOT NULL,
    state      text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    exit_code  integer,
    error      text,
    details    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX runs_newest ON runs (job, started_at DESC);

CREATE TABLE batches (
    run_id       uuid NOT NULL REFERENCES runs,
    batch_id     bigint NOT NULL,
    topic        text NOT NULL,
    "start"      jsonb NOT NULL,
    "end"        jsonb NOT NULL,
    messages     integer NOT NULL,
    accepted     integer NOT NULL,
    rejected     integer NOT NULL,
    duplicates   integer NOT NULL,
    bars         integer NOT NULL,
    seconds      double precision NOT NULL,
    versions     jsonb NOT NULL,
    newest_event timestamptz,
    committed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, batch_id)
);
COMMENT ON COLUMN batches.duplicates IS 'accepted messages whose event was seen before, counted when the batch was written';
COMMENT ON COLUMN batches.bars IS 'bars that were new, changed or became final';

CREATE TABLE leases (
    table_group text PRIMARY KEY,
    holder      uuid NOT NULL,
    host        text NOT NULL,
    pid         integer NOT NULL,
    since       timestamptz NOT NULL DEFAULT now(),
    epoch       bigint NOT NULL
);
COMMENT ON COLUMN leases.epoch IS 'raised by every holder; in every commit and in front of every transaction version';
