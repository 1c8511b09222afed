# shellcheck shell=sh
# Read by the scripts that containers start by: `. read_secrets.sh`.
#
# fail WHAT FOUND REMEDY   say it, and end with exit code 2
# must_be_plain NAME...    none has a character with a meaning where it is put: a URL, JSON, a file of settings
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

must_be_plain() {
    for name in "$@"; do
        eval "value=\${$name:-}"
        case $value in
        *[!A-Za-z0-9._~+=-]*)
            fail "$name cannot be used" "a character that is none of A-Z a-z 0-9 . _ ~ + = -" \
                "choose another one, such as: openssl rand -hex 24"
            ;;
        esac
        unset value
    done
}
