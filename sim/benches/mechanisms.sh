#!/usr/bin/env bash
# One population, one model, the mechanisms side by side: accuracy, bytes of an upload, seconds of a round.
#
#   sim/benches/mechanisms.sh FOLDER-OF-FASHION-MNIST [SEED...]
#
# Prints a Markdown table. Builds murmur-sim first.
set -euo pipefail
data=${1:?the folder of the four IDX files of Fashion-MNIST}
shift
seeds=("${@:-1}")
root=$(cd "$(dirname "$0")/../.." && pwd)
cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p murmur-sim
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scenario() {
    sed 's/^\[population\]/[population]\nlocal_epsilon = 100000.0/' "$root/sim/scenarios/fashion.toml" >"$work/scenario.toml"
}

# run NAME TASK-FILE
run() {
    local name=$1 task=$2 seed accuracies="" result
    for seed in "${seeds[@]}"; do
        result=$("${CARGO_TARGET_DIR:-$root/target}/release/murmur-sim" run "$work/scenario.toml" --task "$task" --data "$data" --seed "$seed" --json 2>/dev/null)
        value() { grep -o "\"$1\":[^,}]*" <<<"$result" | head -1 | cut -d: -f2; }
        accuracies+=$(awk -v a="$(value accuracy)" 'BEGIN { printf "%.2f ", 100 * a }')
    done
    awk -v name="$name" -v all="$accuracies" -v bytes="$(value upload_bytes)" -v wall="$(value wall_seconds)" -v rounds="$(value rounds)" \
        'BEGIN { printf "| %s | %s| %d | %.3f |\n", name, all, bytes, wall / rounds }'
}

scenario
echo "| mechanism | accuracy, % (seeds ${seeds[*]}) | bytes of an upload | seconds of a round |"
echo "|---|---|---|---|"
tasks=$root/sim/scenarios
run "nothing" "$tasks/fashion-not-private-task.toml"
for epsilon in 8.0 2.0; do
    sed "s/^epsilon = .*/epsilon = $epsilon/" "$tasks/fashion-task.toml" >"$work/poisson.toml"
    run "epsilon $epsilon: Gaussian, Poisson 0.1" "$work/poisson.toml"
    # As often as the coins select on average: 2 of every 20 rounds.
    sed -e 's/^kind = "poisson".*/kind = "allocation"/' -e 's/^rate = .*/block_rounds = 20\nrounds_per_device = 2/' "$work/poisson.toml" >"$work/allocation.toml"
    run "epsilon $epsilon: Gaussian, allocation 2 of 20" "$work/allocation.toml"
    sed "s/^epsilon = .*/epsilon = $epsilon/" "$tasks/fashion-blt-task.toml" >"$work/blt.toml"
    run "epsilon $epsilon: BLT, 6 rounds of a device, 10 apart" "$work/blt.toml"
done
for central in none 8.0 2.0; do
    if [ "$central" = none ]; then
        base=$tasks/fashion-not-private-task.toml label="no central noise"
    else
        sed "s/^epsilon = .*/epsilon = $central/" "$tasks/fashion-task.toml" >"$work/base.toml"
        base=$work/base.toml label="epsilon $central"
    fi
    for local in 16.0 64.0 256.0; do
        { cat "$base"; printf '\n[privacy.local]\nmechanism = "privunit2"\nepsilon = %s\n' "$local"; } >"$work/local.toml"
        run "$label: PrivUnit2, local epsilon $local" "$work/local.toml"
        { cat "$work/local.toml"; echo 'projection = { kind = "hadamard", sent = 1000 }'; } >"$work/projected.toml"
        run "$label: the same by FastProjUnit, 1,000 numbers" "$work/projected.toml"
    done
done
