#!/bin/sh
# make_ca.sh FOLDER BROKER NAME_OR_ADDRESS...: a private CA, and a key and certificate of a broker.
#
# FOLDER/ca.key                  signs; it stays here: in a checkout take docker/tls, which git ignores
# FOLDER/ca.pem                  whom clients trust: TAPEHOUSE_KAFKA_TLS_CA
# FOLDER/BROKER/broker.pem       the broker's key and certificate, valid for the names and addresses given
# FOLDER/BROKER/ca.pem           and the CA again: FOLDER/BROKER is KAFKA_TLS_FOLDER
#
# What is there is kept: another broker gets its own from the same CA, and for other names, or when the certificate is
# about to end after two years, remove the broker's folder first.
set -eu
umask 077

fail() { # what, found, remedy
    printf 'error: %s\nfound: %s\nremedy: %s\n' "$1" "$2" "$3" >&2
    exit 2
}

[ $# -ge 3 ] || fail "a folder, a broker and its names are needed" "$# words" "make_ca.sh docker/tls kafka kafka localhost 127.0.0.1"
folder=$1 broker=$1/$2 called=$2
shift 2
names=
for name in "$@"; do
    case $name in
    *:*) names="$names${names:+,}IP:$name" ;;
    *[!0-9.]*) names="$names${names:+,}DNS:$name" ;;
    *) names="$names${names:+,}IP:$name" ;;
    esac
done

if [ -e "$broker" ]; then
    [ "$(cat "$broker/names" 2> /dev/null)" = "$names" ] ||
        fail "$broker is not written over" "it is not of $names, or was not finished" "remove it, then repeat this"
    echo "$broker is there and stays as it is"
    exit 0
fi
mkdir -p "$folder"
if [ ! -e "$folder/ca.pem" ]; then
    [ ! -e "$folder/ca.key" ] || fail "$folder/ca.key is not written over" "no ca.pem beside it" "remove it, then repeat this"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/ca.key"
    openssl req -x509 -new -key "$folder/ca.key" -sha256 -days 3650 -subj "/CN=Tapehouse Kafka CA" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -out "$folder/ca.pem"
    chmod 644 "$folder/ca.pem"
fi
mkdir "$broker"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$broker/key"
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\n' \
    "$names" > "$broker/extensions"
openssl req -new -key "$broker/key" -subj "/CN=$called" -out "$broker/request"
openssl x509 -req -in "$broker/request" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial \
    -sha256 -days 730 -extfile "$broker/extensions" -out "$broker/certificate"
cat "$broker/key" "$broker/certificate" > "$broker/broker.pem"
cp "$folder/ca.pem" "$broker/ca.pem"
rm "$broker/key" "$broker/certificate" "$broker/request" "$broker/extensions"
# written last: what is without it was not finished
printf '%s' "$names" > "$broker/names"
echo "made $broker/broker.pem for $names"
