/* images.S - the applications' ELF files, each in whole pages. SPDX-License-Identifier: BSD-2-Clause */
    .macro image name
    .balign 4096
    .global image_\name
image_\name:
    .incbin "ta/\name\().elf"
    .balign 4096
    .global image_\name\()_end
image_\name\()_end:
    .endm

    .section .images, "aw"
    image echo
    image sorter
    image interpreter
    image sharer
    image watcher
    image rogue
    image walker
