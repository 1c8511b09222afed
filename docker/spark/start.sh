#!/bin/sh
# start.sh COMMAND...: run it, with Spark's secret in a file that only its owner reads, and out of the environment.
#
# SPARK_SECRET   the same for master, workers and drivers; without it only local masters start
set -eu
if [ -n "${SPARK_SECRET:-}" ]; then
    own=$(mktemp -d)
    cp "$SPARK_CONF_DIR"/* "$own"
    chmod 600 "$own"/*
    printf '\nspark.authenticate.secret %s\n' "$SPARK_SECRET" >> "$own/spark-defaults.conf"
    export SPARK_CONF_DIR="$own"
    unset SPARK_SECRET
fi
exec "$@"
