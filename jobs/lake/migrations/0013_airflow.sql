-- What Airflow runs: a row for each run of a DAG, made by the first program of it that comes to the ledger.
CREATE TABLE dag_runs (
    dag_id     text NOT NULL,
    run_id     text NOT NULL,
    session    date,
    state      text NOT NULL CHECK (state IN ('running', 'success', 'failed')),
    is_late    boolean NOT NULL DEFAULT false,
    reason     text,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    PRIMARY KEY (dag_id, run_id)
);
CREATE INDEX dag_runs_newest ON dag_runs (dag_id, session, started_at DESC);
COMMENT ON COLUMN dag_runs.session IS 'null: a DAG that is not of a session';
COMMENT ON COLUMN dag_runs.is_late IS 'it has missed its deadline once; it stays so';
COMMENT ON COLUMN dag_runs.reason IS 'why it failed, or is late';
-- Who sends quotes: a producer renews its row while it is well, and takes it away when it ends.
CREATE TABLE heartbeats (
    topic    text NOT NULL,
    producer text NOT NULL,
    host     text NOT NULL,
    pid      integer NOT NULL,
    beat_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, producer, host, pid)
);
COMMENT ON COLUMN heartbeats.producer IS 'the source of its quotes';
-- What `tapehouse guard` saw of the stream, the newest looks.
CREATE TABLE guard_looks (
    topic text NOT NULL,
    at    timestamptz NOT NULL DEFAULT now(),
    runs  boolean NOT NULL,
    lag   bigint NOT NULL,
    PRIMARY KEY (topic, at)
);
COMMENT ON COLUMN guard_looks.lag IS 'messages in Kafka that no batch has read';
CREATE INDEX batches_newest ON batches (topic, committed_at DESC);
