#!/bin/sh
# Start a broker of Kafka 3.9 beside its ZooKeeper, with the users of docker/kafka/start.sh.
#
# KAFKA_NODE_ID, KAFKA_DATA, KAFKA_LISTEN, KAFKA_PORT, KAFKA_ADVERTISED   as there
# KAFKA_ADMIN_PASSWORD, KAFKA_BROKER_PASSWORD                             as there
# KAFKA_ZOOKEEPER      host:port of ZooKeeper, which is of this Kafka alone
# ZOOKEEPER_PASSWORD   of the user broker there; also as ZOOKEEPER_PASSWORD_FILE
# KAFKA_JARS           the folder of Kafka's jars
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=docker/read_secrets.sh
. "$here/../read_secrets.sh"
read_secrets KAFKA_ADMIN_PASSWORD KAFKA_BROKER_PASSWORD ZOOKEEPER_PASSWORD
for name in KAFKA_NODE_ID KAFKA_DATA KAFKA_LISTEN KAFKA_PORT KAFKA_ADVERTISED KAFKA_ADMIN_PASSWORD \
    KAFKA_BROKER_PASSWORD KAFKA_ZOOKEEPER ZOOKEEPER_PASSWORD KAFKA_JARS; do
    eval "[ -n \"\${$name:-}\" ]" || fail "a Kafka broker cannot start" "no $name" "set it"
done
must_be_plain KAFKA_ADMIN_PASSWORD KAFKA_BROKER_PASSWORD ZOOKEEPER_PASSWORD
own=$(mktemp -d)
cat > "$own/jaas.conf" << END
Client {
  org.apache.zookeeper.server.auth.DigestLoginModule required username="broker" password="$ZOOKEEPER_PASSWORD";
};
END
unset ZOOKEEPER_PASSWORD
java="${JAVA_HOME:+$JAVA_HOME/bin/}java"
set -- "-Djava.security.auth.login.config=$own/jaas.conf" -cp "$KAFKA_JARS/*"
# the users a broker needs to know before it starts; said again they are the same
for user in admin broker; do
    [ "$user" = admin ] && password=$KAFKA_ADMIN_PASSWORD || password=$KAFKA_BROKER_PASSWORD
    printf 'SCRAM-SHA-512=password=%s\n' "$password" > "$own/user.properties"
    "$java" -XX:TieredStopAtLevel=1 "$@" kafka.admin.ConfigCommand --zookeeper "$KAFKA_ZOOKEEPER" --alter \
        --entity-type users --entity-name "$user" --add-config-file "$own/user.properties" > "$own/said" 2>&1 || {
        cat "$own/said" >&2
        exit 1
    }
done
rm "$own/user.properties" "$own/said"
exec "$java" -Xms256m -Xmx512m "$@" kafka.Kafka "$here/broker.properties"
