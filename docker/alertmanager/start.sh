#!/bin/sh
# Start Alertmanager with the webhook that TAPEHOUSE_ALERT_WEBHOOK (or the file that TAPEHOUSE_ALERT_WEBHOOK_FILE names)
# says, or with none. Alertmanager reads no environment, and the address may hold a token: the configuration with it is
# written to a folder of this user alone.
set -eu
umask 077
configured=${TAPEHOUSE_ALERTMANAGER_CONFIG:-/etc/alertmanager/alertmanager.yml}
if [ -n "${TAPEHOUSE_ALERT_WEBHOOK_FILE:-}" ]; then
    TAPEHOUSE_ALERT_WEBHOOK=$(cat "$TAPEHOUSE_ALERT_WEBHOOK_FILE")
fi
written=$(mktemp -d)/alertmanager.yml
cp "$configured" "$written"
if [ -n "${TAPEHOUSE_ALERT_WEBHOOK:-}" ]; then
    printf "    webhook_configs:\n      - url: '%s'\n" "$(printf '%s' "$TAPEHOUSE_ALERT_WEBHOOK" | sed "s/'/''/g")" >> "$written"
fi
unset TAPEHOUSE_ALERT_WEBHOOK
exec "${ALERTMANAGER:-/bin/alertmanager}" --config.file="$written" "$@"
