# scaling.awk - two processors and one at the same work. SPDX-License-Identifier: BSD-2-Clause
# Reads lines "CPUS NAME VALUE" of client/test_speed.c.
# Exits 1 if two take 0.65 of the time of one, or more.
$2 == "wall_us" { wall[$1, ++n[$1]] = $3 }
$2 == "lock_wait_max_ns" { wait[$1, n[$1] + 1] = $3 }
$2 == "faults_major" { faults[$1, n[$1] + 1] = $3 }
function median(cpus,    i, j, list, value) {
    for (i = 1; i <= n[cpus]; i++) {
        value = wall[cpus, i]
        for (j = i; j > 1 && list[j - 1] > value; j--) {
            list[j] = list[j - 1]
        }
        list[j] = value
    }
    return n[cpus] % 2 ? list[(n[cpus] + 1) / 2] : (list[n[cpus] / 2] + list[n[cpus] / 2 + 1]) / 2
}
END {
    if (n[1] == 0 || n[1] != n[2]) {
        print "scaling.awk: no measurements" >"/dev/stderr"
        exit 2
    }
    printf "%-11s %10s %10s %14s\n", "processors", "ms", "faults", "lock, us most"
    for (i = 1; i <= n[1]; i++) {
        for (cpus = 1; cpus <= 2; cpus++) {
            printf "%-11d %10.1f %10d %14.1f\n", cpus, wall[cpus, i] / 1000, faults[cpus, i], wait[cpus, i] / 1000
        }
    }
    ratio = median(2) / median(1)
    printf "\nmedians: one processor %.1f ms, two %.1f ms\n", median(1) / 1000, median(2) / 1000
    printf "%-74s %8.3f < %-6s %s\n", "two processors, relative to one", ratio, 0.65, ratio < 0.65 ? "holds" : "DOES NOT HOLD"
    exit ratio >= 0.65
}
