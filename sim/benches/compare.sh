#!/bin/sh
# Alternates `murmur-sim bench train` with pfl-research on the same workloads in one run, and prints both and their ratio.
#
#   cargo build --release -p murmur-sim
#   PEERS_VENV=/path/to/venv PEERS=../shared/peers sh sim/benches/compare.sh target/release/murmur-sim [model ...]
#
# PEERS_VENV names a Python environment with pfl[pytorch]; PEERS the folder of the peers' scripts. Without PEERS_VENV only ours is
# timed, and says so. Each side is run TIMES times (3), in turn; the best median of a third of its rounds counts, on both sides. Beside it
# stands the ratio of processor time in a round, the least of each side's runs: on a machine that others use too it is the steadier one.
set -eu
sim=${1:?name the murmur-sim binary}
shift
models=${*:-linear mlp cnn}
times=${TIMES:-3}
threads=${THREADS:-2}
peers=${PEERS:-../shared/peers}
if [ -z "${PEERS_VENV:-}" ]; then
    echo "PEERS_VENV is not set: pfl is NOT timed" >&2
fi
export CUDA_VISIBLE_DEVICES=
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# model samples batch rounds warmup
pair() {
    model=$1 samples=$2 batch=$3 rounds=$4 warmup=$5
    # The peers' names for models and populations.
    theirs=$model; [ "$model" = linear ] && theirs=lr
    users=500; [ "$samples" -gt 20 ] && users=200
    : > "$out"
    i=0
    while [ $i -lt "$times" ]; do
        "$sim" bench train --model "$model" --samples-per-device "$samples" --batch-size "$batch" --cohort 50 --rounds "$rounds" \
            --warmup "$warmup" --threads "$threads" --json >> "$out"
        if [ -n "${PEERS_VENV:-}" ]; then
            workload="--model $theirs --users $users --cohort 50 --samples-per-user $samples --batch-size $batch --local-epochs 1"
            if [ "$model" = cnn ]; then
                # One process with torch's own threads is its fastest here.
                "$PEERS_VENV/bin/python" "$peers/pfl_bench.py" $workload --rounds 9 --warmup 1 2>/dev/null | grep '^{' >> "$out"
            else
                "$PEERS_VENV/bin/python" -m torch.distributed.run --standalone --nproc_per_node="$threads" "$peers/pfl_bench.py" \
                    $workload --rounds "$rounds" --warmup "$warmup" --threads 1 2>/dev/null | grep '^{' >> "$out"
            fi
        fi
        i=$((i + 1))
    done
    awk -v name="$model, $samples examples" -v threads="$threads" '
        { tool = /"tool": ?"murmur"/ ? "murmur" : "pfl" }
        match($0, /"block_medians": ?\[[^]]*\]/) {
            list = substr($0, RSTART, RLENGTH); sub(/.*\[/, "", list); sub(/\]/, "", list)
            n = split(list, medians, /, ?/)
            for (k = 1; k <= n; k++) if (!(tool in best) || medians[k] + 0 < best[tool]) best[tool] = medians[k] + 0
        }
        match($0, /"cpu_s_per_round(_rank0)?": ?[0-9.e-]+/) {
            cpu = substr($0, RSTART, RLENGTH); sub(/.*: ?/, "", cpu); cpu += 0
            # Of one process; there are as many as threads, but for the convolutional network.
            if (tool == "pfl" && name !~ /^cnn/) cpu *= threads
            if (!(tool in least) || cpu < least[tool]) least[tool] = cpu
        }
        match($0, /"peak_rss_mb": ?[0-9.]+/) {
            rss = substr($0, RSTART, RLENGTH); sub(/.*: ?/, "", rss); if (rss + 0 > memory[tool]) memory[tool] = rss + 0
        }
        END {
            printf "%-22s murmur %8.0f devices/s, %4.0f MB", name, 50 / best["murmur"], memory["murmur"]
            if ("pfl" in best) printf "   pfl %6.0f devices/s, %4.0f MB in a process   ratio %.1f, of processor time %.1f", 50 / best["pfl"], memory["pfl"], best["pfl"] / best["murmur"], least["pfl"] / least["murmur"]
            printf "\n"
        }' "$out"
}

for model in $models; do
    case $model in
        cnn) pair cnn 20 10 9 1; pair cnn 200 20 6 1 ;;
        *) pair "$model" 20 10 30 3; pair "$model" 200 20 15 3 ;;
    esac
done
