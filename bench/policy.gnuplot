# bench/policy.gnuplot - draws what bench/policy.awk wrote (-e "data='PREFIX'; flags='FLAGS'; out='PREFIX'").
# SPDX-License-Identifier: BSD-2-Clause
set terminal svg size 1000,420 noenhanced background "white"
set key outside right
set grid ytics
hardware = flags eq "ad" ? "accessed and dirty flags" : flags eq "a" ? "accessed flags" : \
    flags eq "f" ? "accessed flags that software sets" : "no flags"
set yrange [1:*]

# The columns that policy.awk writes have these names; the one that the library recommends is to be found at once.
names(file) = system("awk 'NR == 1' '".file."'")
columns = words(names(data.".".flags.".traces"))
name(i) = word(names(data.".".flags.".traces"), i)
color(i) = name(i) eq "refault" ? "#c62828" : name(i) eq "clock" ? "#1565c0" : name(i) eq "s3fifo" ? "#2e7d32" : \
    name(i) eq "2q" ? "#7b5ea7" : "#7a7f85"
width(i) = name(i) eq "refault" ? 3.5 : 1.5

set output out.".".flags.".traces.svg"
set ylabel "cost / cost of the optimum"
set title "Cost relative to the optimum; the hardware has ".hardware
set style data histograms
set style fill solid 0.8
set xtics rotate by -30
plot for [i = 2:columns] data.".".flags.".traces" using i:xtic(1) title columnheader(i) linecolor rgb color(i)

set output out.".".flags.".memory.svg"
set title "Majors relative to the optimum; the hardware has ".hardware
set xlabel "memory, per cent of the pages"
set ylabel "majors / majors of the optimum"
first = real(system("awk 'NR == 2 { print $1 }' '".data.".".flags.".memory'"))
last = real(system("awk 'END { print $1 }' '".data.".".flags.".memory'"))
set xrange [first - 2:last + 2]
set xtics norotate auto
set style data linespoints
plot for [i = 2:columns] data.".".flags.".memory" using 1:i title columnheader(i) \
    linecolor rgb color(i) linewidth width(i) pointtype i + 3
