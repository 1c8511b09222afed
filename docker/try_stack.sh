#!/bin/sh
# docker/try_stack.sh [OPTION...]: a generated hour through containers of their own, verify, and all of it away again.
#
# Options go to `up`, such as --build or --no-build. What is set in the environment counts before what is made here:
# BASE_IMAGE, POSTGRES_IMAGE and so on; TRY_FILES="-f more.yaml" adds to compose.yaml. Exit code 0 if all invariants hold.
# What `docker inspect` shows is looked at of every service; it names those whose image is not there.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
python3 make_env.py --file "$work/env"
# any free ports, and another project than the one that may be up
sed -i -e 's/_PORT=.*/_PORT=0/' -e 's/^COMPOSE_PROJECT_NAME=.*//' "$work/env"
if docker compose version > /dev/null 2>&1; then tool="docker compose"; else tool=docker-compose; fi

compose() {
    # shellcheck disable=SC2086
    $tool -p tapehouse-try --env-file "$work/env" -f compose.yaml ${TRY_FILES:-} --profile demo --profile live --profile cli "$@"
}
finish() {
    code=$?
    trap - EXIT
    [ "$code" -eq 0 ] || compose logs --tail 40
    compose down -v --remove-orphans
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

compose up -d "$@" stream spark-worker-2 spark-history metrics page airflow-scheduler
# the others are made and not started
for service in $(compose config --services); do
    compose up --no-start --no-deps "$service" > "$work/said" 2>&1 || echo "not looked at, its image is not here: $service"
done
# no value of a secret is where `docker inspect` shows it; Kafka UI's file is made of two others
compose ps -a -q | xargs docker inspect > "$work/inspected"
echo "containers looked at: $(compose ps -a -q | wc -l)"
for file in "$work"/secrets/*_*; do
    case $file in *.yaml) continue ;; esac
    if [ -s "$file" ] && grep -qF -f "$file" "$work/inspected"; then
        printf 'error: docker inspect shows a secret\nfound: the value of %s\nremedy: give it by NAME_FILE\n' "$file" >&2
        exit 1
    fi
done
compose run --rm -T --no-deps tape
# what the stream has not read yet, its like reads to the end of the topic
compose stop -t 60 stream
compose run --rm -T --no-deps --use-aliases stream spark-submit --master spark://spark-master:7077 \
    --total-executor-cores 1 jobs/stream_quotes.py --wait 120 --trigger available-now
compose run --rm -T --no-deps tapehouse verify
