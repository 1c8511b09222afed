# shellcheck shell=sh
# Read by the scripts that containers start by: `. read_secrets.sh`.
#
# fail WHAT FOUND REMEDY   say it, and end with exit code 2
# read_secrets NAME...     each from the file that NAME_FILE names, where that is set; an empty file sets nothing

fail() {
    printf 'error: %s\nfound: %s\nremedy: %s\n' "$1" "$2" "$3" >&2
    exit 2
}

read_secrets() {
    for name in "$@"; do
        eval "file=\${${name}_FILE:-}"
        [ -n "$file" ] || continue
        [ -r "$file" ] || fail "${name}_FILE names a file that cannot be read" "$file" "correct the path, or set $name"
        value=$(cat "$file")
        [ -z "$value" ] || export "$name=$value"
        unset "${name}_FILE" value
    done
}
