#!/bin/sh
# start.sh COMMAND...: run Airflow's command with its secrets in files that only their owner reads.
#
# They come by the environment, or by files that NAME_FILE names there, and do not stay in it: whatever a task starts
# inherits that. `prepare` instead of a command makes the database, and the connections and pools as the settings
# have them.
#
# AIRFLOW_DB_PASSWORD, AIRFLOW_FERNET_KEY, AIRFLOW_JWT_SECRET, AIRFLOW_API_SECRET   the same in every container
# AIRFLOW_ADMIN_PASSWORD   of its user admin, for the API server
# AIRFLOW_URL              where a browser finds it
set -eu
umask 077
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=docker/read_secrets.sh
. "$root/docker/read_secrets.sh"

read_secrets AIRFLOW_DB_PASSWORD AIRFLOW_FERNET_KEY AIRFLOW_JWT_SECRET AIRFLOW_API_SECRET AIRFLOW_ADMIN_PASSWORD
missing=
for name in AIRFLOW_DB_PASSWORD AIRFLOW_FERNET_KEY AIRFLOW_JWT_SECRET AIRFLOW_API_SECRET; do
    eval "[ -n \"\${$name:-}\" ]" || missing="$missing $name"
done
if [ -n "$missing" ] && [ "${1:-version}" != version ]; then
    fail "Airflow cannot start without its secrets" "nothing for$missing" "run docker/make_env.py, and start by Compose"
fi

must_be_plain AIRFLOW_DB_PASSWORD AIRFLOW_FERNET_KEY AIRFLOW_JWT_SECRET AIRFLOW_API_SECRET AIRFLOW_ADMIN_PASSWORD
# what tapehouse/services/airflow_files.py says for an Airflow beside the services of a checkout
cat > "$AIRFLOW_HOME/airflow.cfg" << END
[core]
dags_folder = $root/airflow/dags
plugins_folder = $root/airflow/plugins
load_examples = False
executor = LocalExecutor
parallelism = 6
fernet_key = ${AIRFLOW_FERNET_KEY:-}
execution_api_server_url = http://airflow-api-server:8080/execution/
simple_auth_manager_users = admin:admin
simple_auth_manager_passwords_file = $AIRFLOW_HOME/passwords.json
default_task_retry_delay = 30
[database]
sql_alchemy_conn = postgresql+psycopg2://airflow:${AIRFLOW_DB_PASSWORD:-}@${AIRFLOW_DB_ADDRESS:-postgres:5432}/airflow
[api]
host = 0.0.0.0
port = 8080
base_url = ${AIRFLOW_URL:-http://127.0.0.1:8080}
secret_key = ${AIRFLOW_API_SECRET:-}
workers = 1
[api_auth]
jwt_secret = ${AIRFLOW_JWT_SECRET:-}
[dag_processor]
refresh_interval = 30
dag_file_processor_timeout = 120
[logging]
base_log_folder = /var/log/airflow
END
if [ -n "${AIRFLOW_ADMIN_PASSWORD:-}" ]; then
    printf '{"admin": "%s"}\n' "$AIRFLOW_ADMIN_PASSWORD" > "$AIRFLOW_HOME/passwords.json"
fi
unset AIRFLOW_DB_PASSWORD AIRFLOW_FERNET_KEY AIRFLOW_JWT_SECRET AIRFLOW_API_SECRET AIRFLOW_ADMIN_PASSWORD

[ "${1:-}" = prepare ] || exec sh "$root/docker/spark/start.sh" airflow "$@"

PYTHONPATH=$root PYTHONSAFEPATH=1 "$TAPEHOUSE_PYTHON" -m tapehouse.services.airflow_imports "$AIRFLOW_HOME"
trap 'rm -f "$AIRFLOW_HOME/connections.json"' EXIT
python "$root/airflow/commands.py" "db migrate" \
    "connections import $AIRFLOW_HOME/connections.json --overwrite" \
    "connections import $AIRFLOW_HOME/spark.json" \
    "pools import $AIRFLOW_HOME/pools.json"
