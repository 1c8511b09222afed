#!/bin/sh
# Start the ZooKeeper of Kafka 3.9.
#
# ZOOKEEPER_DATA, ZOOKEEPER_LISTEN   its folder, and the address it listens on
# ZOOKEEPER_PASSWORD                 of the user broker, the only one; also as ZOOKEEPER_PASSWORD_FILE
# KAFKA_JARS                         the folder of Kafka's jars, which bring ZooKeeper
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=docker/read_secrets.sh
. "$here/../read_secrets.sh"
read_secrets ZOOKEEPER_PASSWORD
for name in ZOOKEEPER_DATA ZOOKEEPER_LISTEN ZOOKEEPER_PASSWORD KAFKA_JARS; do
    eval "[ -n \"\${$name:-}\" ]" || fail "ZooKeeper cannot start" "no $name" "set it"
done
must_be_plain ZOOKEEPER_PASSWORD
own=$(mktemp -d)
sed -e "s|\${DATA}|$ZOOKEEPER_DATA|" -e "s|\${LISTEN}|$ZOOKEEPER_LISTEN|" "$here/zookeeper.properties" \
    > "$own/zookeeper.properties"
cat > "$own/jaas.conf" << END
Server {
  org.apache.zookeeper.server.auth.DigestLoginModule required user_broker="$ZOOKEEPER_PASSWORD";
};
END
unset ZOOKEEPER_PASSWORD
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -Xmx256m "-Djava.security.auth.login.config=$own/jaas.conf" \
    -cp "$KAFKA_JARS/*" org.apache.zookeeper.server.ZooKeeperServerMain "$own/zookeeper.properties"
