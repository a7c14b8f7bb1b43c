#!/usr/bin/env bash
# Compares this crate with its peers; see README.md.
#
#     run.sh [--group GROUP]... [OPTION]...
#
# Runs each group (all of them if none is named) and passes it the other options, `--rows 20000
# --threads 1,2` say. Lines go to standard output. Peers live in a Python environment of their own,
# COMPARE_VENV or target/compare-venv, which is made at first; COMPARE_PYTHON takes another as it is.
set -euo pipefail

# A group is a program GROUP.py beside this one; `before` needs a checkout and runs only if it is named.
groups=(trees network transforms stacks rust reading)

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
wanted=()
options=()
while (($#)); do
    case "$1" in
        --group)
            [[ " ${groups[*]} before " == *" ${2-} "* ]] || { echo "groups: ${groups[*]} before" >&2; exit 2; }
            wanted+=("$2")
            shift 2
            ;;
        -h | --help)
            sed -n '2,/^set/{/^#/p}' "${BASH_SOURCE[0]}"
            echo "# Groups: ${groups[*]} before"
            exit
            ;;
        *)
            options+=("$1")
            shift
            ;;
    esac
done
((${#wanted[@]})) || wanted=("${groups[@]}")

python="${COMPARE_PYTHON-}"
if [[ -z "$python" ]]; then
    environment="${COMPARE_VENV:-$here/../../target/compare-venv}"
    python="$environment/bin/python"
    # A copy of the requirements says what is installed.
    if ! cmp -s "$here/requirements.txt" "$environment/requirements.txt"; then
        python3 -m venv "$environment"
        "$python" -m pip install --quiet --requirement "$here/requirements.txt" >&2
        cp "$here/requirements.txt" "$environment/requirements.txt"
    fi
fi

status=0
for group in "${wanted[@]}"; do
    PYTHONDONTWRITEBYTECODE=1 "$python" "$here/$group.py" ${options[@]+"${options[@]}"} || status=$?
done
exit "$status"
