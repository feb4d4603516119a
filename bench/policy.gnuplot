# bench/policy.gnuplot - draws what bench/policy.awk wrote (-e "data='PREFIX'; flags='FLAGS'; out='PREFIX'").
# SPDX-License-Identifier: BSD-2-Clause
set terminal svg size 1000,420 noenhanced background "white"
set key outside right
set grid ytics
hardware = flags eq "ad" ? "accessed and dirty flags" : flags eq "a" ? "accessed flags" : \
    flags eq "f" ? "accessed flags that software sets" : "no flags"
set yrange [1:*]

set output out.".".flags.".traces.svg"
set title "Cost relative to the optimum; the hardware has ".hardware
set style data histograms
set style fill solid 0.8
set xtics rotate by -30
columns = int(system("awk 'NR == 1 { print NF }' '".data.".".flags.".traces'"))
plot for [i = 2:columns] data.".".flags.".traces" using i:xtic(1) title columnheader(i)

set output out.".".flags.".memory.svg"
set title "Majors relative to the optimum; the hardware has ".hardware
set xlabel "memory, per cent of the pages"
set xtics norotate auto
set style data linespoints
plot for [i = 2:columns] data.".".flags.".memory" using 1:i title columnheader(i)
