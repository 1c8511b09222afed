#!/bin/sh
# Start a Kafka node as broker.properties beside this file has it; its storage is formatted the first time.
#
# KAFKA_NODE_ID           its number
# KAFKA_DATA              the folder of its log
# KAFKA_LISTEN            the address it listens on
# KAFKA_PORT, KAFKA_CONTROLLER_PORT
# KAFKA_ADVERTISED        host:port by which clients and other brokers reach it
# KAFKA_VOTERS            all nodes, 1@kafka:9093 or 1@kafka-1:9093,2@kafka-2:9093,3@kafka-3:9093
# KAFKA_CLUSTER_ID        with several nodes, the same for all: 22 characters of base64
# KAFKA_ADMIN_PASSWORD    of the user admin, who may do everything; also as KAFKA_ADMIN_PASSWORD_FILE, as the next
# KAFKA_BROKER_PASSWORD   of the user broker, as whom the nodes speak to one another
# KAFKA_TLS_FOLDER        where make_ca.sh has put broker.pem and ca.pem; without it nothing is encrypted
# KAFKA_JARS              the folder of Kafka's jars
# KAFKA_LOGGING           its log4j2 file, by default docker/local/kafka/log4j2.properties
# KAFKA_HEAP              by default -Xms256m -Xmx512m
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)

# shellcheck source=docker/read_secrets.sh
. "$here/../read_secrets.sh"

read_secrets KAFKA_ADMIN_PASSWORD KAFKA_BROKER_PASSWORD
missing=
for name in KAFKA_NODE_ID KAFKA_DATA KAFKA_LISTEN KAFKA_PORT KAFKA_CONTROLLER_PORT KAFKA_ADVERTISED KAFKA_VOTERS \
    KAFKA_ADMIN_PASSWORD KAFKA_BROKER_PASSWORD KAFKA_JARS; do
    eval "[ -n \"\${$name:-}\" ]" || missing="$missing $name"
done
[ -z "$missing" ] || fail "a Kafka node cannot start without its settings" "nothing for$missing" "set them"
# what else has a meaning to Kafka's tools, which take these passwords as parts of a text
must_be_plain KAFKA_ADMIN_PASSWORD KAFKA_BROKER_PASSWORD

nodes=$(printf '%s' "$KAFKA_VOTERS" | tr ',' '\n' | grep -c .)
if [ "$nodes" -ge 3 ]; then KAFKA_REPLICATION=3 KAFKA_MIN_INSYNC=2; else KAFKA_REPLICATION=$nodes KAFKA_MIN_INSYNC=1; fi
KAFKA_SECURITY=SASL_PLAINTEXT
if [ -n "${KAFKA_TLS_FOLDER:-}" ]; then
    KAFKA_SECURITY=SASL_SSL
    for file in "$KAFKA_TLS_FOLDER/broker.pem" "$KAFKA_TLS_FOLDER/ca.pem"; do
        [ -r "$file" ] || fail "KAFKA_TLS_FOLDER lacks what TLS needs" "no $file that can be read" "make it: make_ca.sh"
    done
fi
export KAFKA_REPLICATION KAFKA_MIN_INSYNC KAFKA_SECURITY

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ ! -e "$KAFKA_DATA/log/meta.properties" ]; then
    if [ -z "${KAFKA_CLUSTER_ID:-}" ]; then
        [ "$nodes" -eq 1 ] || fail "the nodes of a cluster must have one id" "no KAFKA_CLUSTER_ID" "set it for all, to 22 \
characters: head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d ="
        KAFKA_CLUSTER_ID=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d =)
    fi
    mkdir -p "$KAFKA_DATA"
    # the tool takes arguments from a file, in which nobody else reads the passwords
    rm -f "$KAFKA_DATA"/users.*
    users=$(mktemp "$KAFKA_DATA/users.XXXXXX")
    trap 'rm -f "$users"' EXIT
    trap 'exit 143' TERM INT
    printf -- '--add-scram\nSCRAM-SHA-512=[name=%s,iterations=8192,password=%s]\n' \
        admin "$KAFKA_ADMIN_PASSWORD" broker "$KAFKA_BROKER_PASSWORD" > "$users"
    # what it prints holds keys of the users; what is wrong it says on standard error
    "$java" -XX:TieredStopAtLevel=1 -cp "$KAFKA_JARS/*" kafka.tools.StorageTool format \
        "--cluster-id=$KAFKA_CLUSTER_ID" --config "$here/broker.properties" --ignore-formatted "@$users" > /dev/null ||
        fail "the storage could not be formatted" "what stands above, and $KAFKA_DATA" "correct what it says"
    rm -f "$users"
    trap - EXIT TERM INT
fi
logging=${KAFKA_LOGGING:-$here/../local/kafka/log4j2.properties}
# several options
# shellcheck disable=SC2086
exec "$java" ${KAFKA_HEAP:--Xms256m -Xmx512m} "-Dlog4j2.configurationFile=$logging" -cp "$KAFKA_JARS/*" \
    kafka.Kafka "$here/broker.properties"
