#!/bin/sh
# start.sh COMMAND...: run it, with Spark's secret in a file that only its owner reads, and out of the environment.
#
# SPARK_SECRET   the same for master, workers and drivers; also as SPARK_SECRET_FILE. Without it only local masters start
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=docker/read_secrets.sh
. "$root/docker/read_secrets.sh"

# a volume that was made by an older image lacks the folders that links of this one lead to
for link in "$root"/.tapehouse/*; do
    if [ -L "$link" ] && [ ! -e "$link" ]; then mkdir -p "$(readlink "$link")"; fi
done
read_secrets SPARK_SECRET
if [ -n "${SPARK_SECRET:-}" ]; then
    own=$(mktemp -d)
    cp "$SPARK_CONF_DIR"/* "$own"
    chmod 600 "$own"/*
    printf '\nspark.authenticate.secret %s\n' "$SPARK_SECRET" >> "$own/spark-defaults.conf"
    export SPARK_CONF_DIR="$own"
    unset SPARK_SECRET
fi
exec "$@"
