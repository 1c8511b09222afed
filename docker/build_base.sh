#!/bin/sh
# docker/build_base.sh [NAME]: make the base image, by default tapehouse-base, where none can be pulled.
#
# It holds packages of this machine's own Debian and this machine's own Python 3. Then build with
# --build-arg BASE=tapehouse-base, or BASE=tapehouse-base in docker/.env. Needs mmdebstrap and docker.
set -eu
name=${1:-tapehouse-base}
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
prefix=$(python3 -c 'import sys; print(sys.base_prefix)')
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' || {
    printf 'error: this Python is too old\nfound: %s\nremedy: put 3.11.5 or newer before it on the PATH\n' \
        "$(python3 --version)" >&2
    exit 2
}

if [ "$prefix" = /usr ]; then
    mmdebstrap --variant=minbase --include=ca-certificates,python3,python3-venv "$suite" - | docker import - "$name"
    exit
fi
# one that was built here: its libraries by the packages that they are from, its programs under /usr/local
packages=$(find "$prefix/lib/python$version/lib-dynload" -name '*.so' ! -name '_tkinter*' -exec ldd {} + \
    | awk '$3 ~ /^\// { print $3 }' | sort -u | xargs realpath | sed 's|.*/|*/|' | sort -u \
    | xargs dpkg -S 2> /dev/null | cut -d: -f1 | sort -u | paste -sd, -)
files=$(mktemp)
trap 'rm -f "$files"' EXIT
# none of these names has a space
# shellcheck disable=SC2046
tar -C "$prefix" --exclude="lib/python$version/site-packages/*" --exclude="lib/python$version/test" \
    --exclude="lib/python$version/config-*" --exclude=__pycache__ -cf "$files" \
    "bin/python3" "bin/python$version" "lib/python$version" $(cd "$prefix" && ls -d lib/libpython3*.so* 2> /dev/null)
# it expands these itself
# shellcheck disable=SC2016
mmdebstrap --variant=minbase --include="ca-certificates,$packages" \
    --customize-hook="tar -C \"\$1/usr/local\" -xf $files && chown -R root:root \"\$1/usr/local\"" \
    --customize-hook='chroot "$1" ldconfig' "$suite" - | docker import - "$name"
