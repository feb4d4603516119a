/* apps.c - the applications that the client brings. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"

#include "client/console.h"
#include "client/tee_kernel.h"

static const struct app *const apps[] = {&app_echo};

bool apps_register(struct tee *tee)
{
    size_t i;

    for (i = 0; i < sizeof apps / sizeof apps[0]; i++) {
        const struct app *app = apps[i];
        uint32_t result = tee_register(tee, &app->name, app->image, (uint64_t)(app->image_end - app->image));

        if (result != TEE_RESULT_OK) {
            print("client: the kernel does not take %s: %08x\n", app->title, result);
            return false;
        }
    }
    return true;
}
