#!/bin/sh
# docker/check_images.sh: no layer and no command of our images holds a secret of docker/secrets or an authority of
# docker/trust, and none runs as root. Exit code 1 names what was found.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# what must not be there: values of secrets, and each line of an authority but its first and last
for file in secrets/*_*; do
    case $file in *.yaml | 'secrets/*_*') continue ;; esac
    # most end without a newline
    { cat "$file" && echo; } >> "$work/wanted"
done
for file in trust/*.crt; do
    [ ! -e "$file" ] || grep -v -e '-----' "$file" >> "$work/wanted"
done
# a line too short to be one of them would be found everywhere
[ ! -e "$work/wanted" ] || awk 'length >= 16' "$work/wanted" > "$work/patterns"
if [ ! -s "$work/patterns" ]; then
    printf 'error: nothing to look for\nfound: neither docker/secrets nor docker/trust\nremedy: docker/make_env.py\n' >&2
    exit 2
fi
for image in tapehouse-spark tapehouse-airflow tapehouse-kafka tapehouse-kafka-zookeeper; do
    user=$(docker image inspect --format '{{.Config.User}}' "$image")
    if [ "$user" != 10001:10001 ]; then
        printf 'error: an image runs as another user than 10001\nfound: %s as "%s"\nremedy: USER\n' "$image" "$user" >&2
        exit 1
    fi
    docker history --no-trunc --format '{{.CreatedBy}}' "$image" > "$work/commands"
    mkdir "$work/layers"
    docker save "$image" | tar -x -C "$work/layers"
    # a layer is a tar, of Docker's newest versions compressed
    find "$work/layers" -type f -exec sh -c 'gzip -cd "$1" 2> /dev/null || cat "$1"' _ {} \; > "$work/content"
    if grep -qaF -f "$work/patterns" "$work/commands" "$work/content"; then
        printf 'error: an image holds a secret or an authority\nfound: in %s\n' "$image" >&2
        printf 'remedy: keep it in a stage that is left behind\n' >&2
        exit 1
    fi
    rm -rf "$work/layers" "$work/content"
    echo "$image: as 10001, nothing found in its layers"
done
