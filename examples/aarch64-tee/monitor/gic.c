/* gic.c - finds out which interrupt controller the machine has. SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/gic.h"

#include "monitor/sysreg.h"

const struct gic *gic(void)
{
    return sysreg_field(id_aa64pfr0_el1, 24) != 0 ? &gicv3 : &gicv2; /* its interface is system registers, or is not */
}
