#!/bin/sh
# Installs Streembit from this folder where there is no apt, exactly as the Debian packages do. For root.
set -eu

usage() {
    cat <<'END'
Usage: sh install.sh [--remove | --purge] [PACKAGE...]

PACKAGE is `streembit-agent` (the device, which is meant where none is named) or `streembit` (the person's program).

  --remove   take the programs away, and leave the device's keys, journal and settings
  --purge    take everything away, for good
END
}

here=$(cd "$(dirname "$0")" && pwd)
action=install
packages=
for word in "$@"; do
    case "$word" in
    --remove) action=remove ;;
    --purge) action=purge ;;
    --help | -h)
        usage
        exit 0
        ;;
    streembit | streembit-agent) packages="$packages $word" ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
done
packages=${packages:-streembit-agent}

if [ "$(id -u)" != 0 ]; then
    echo "install.sh: this is for root: sudo sh install.sh $*" >&2
    exit 1
fi

systemd_runs() {
    [ -d /run/systemd/system ]
}

# Each file of a package, by its place on the machine.
files_of() {
    (cd "$here/$1" && find . -type f | sed 's|^\.||' | sort)
}

# Beside its place first and then renamed, so that a running program keeps its own file and a power cut leaves one or the
# other.
put() {
    mkdir -p "$(dirname "$2")"
    cp "$1" "$2.new"
    chown 0:0 "$2.new"
    if [ -x "$1" ]; then chmod 0755 "$2.new"; else chmod 0644 "$2.new"; fi
    mv -f "$2.new" "$2"
}

for package in $packages; do
    if command -v dpkg-query >/dev/null && dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
        echo "install.sh: apt has installed $package already: use apt." >&2
        exit 1
    fi
done

for package in $packages; do
    case "$action" in
    install)
        files_of "$package" | while read -r file; do put "$here/$package$file" "$file"; done
        if [ "$package" = streembit-agent ]; then
            /usr/lib/streembit/setup
            if systemd_runs; then
                systemctl daemon-reload
                systemctl enable --quiet streembit-agent.service
                systemctl restart streembit-agent.service
            else
                echo "There is no systemd here. Have the machine run this at its start, as user streembit: streembit-agent run"
            fi
        fi
        ;;
    remove | purge)
        if [ "$package" = streembit-agent ]; then
            if systemd_runs; then
                systemctl disable --quiet --now streembit-agent.service || true
            fi
            if [ "$action" = purge ]; then sh "$here/streembit-agent/usr/lib/streembit/clean"; fi
        fi
        files_of "$package" | while read -r file; do
            rm -f "$file"
            # A folder that this left empty goes too, as with dpkg: the system may not have had it before.
            rmdir -p "$(dirname "$file")" 2>/dev/null || true
        done
        if [ "$package" = streembit-agent ] && systemd_runs; then systemctl daemon-reload; fi
        ;;
    esac
done
