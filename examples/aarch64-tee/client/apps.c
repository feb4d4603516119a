/* apps.c - the applications that the client brings. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"

#include "client/console.h"
#include "client/tee_kernel.h"
#include "ta/names.h"

extern const unsigned char image_watcher[], image_watcher_end[];
extern const unsigned char image_rogue[], image_rogue_end[];
extern const unsigned char image_walker[], image_walker_end[];

const struct app app_watcher = {"watcher", {TA_NAME_WATCHER_A, TA_NAME_WATCHER_B}, image_watcher, image_watcher_end, NULL,
                                NULL};
const struct app app_rogue = {"rogue", {TA_NAME_ROGUE_A, TA_NAME_ROGUE_B}, image_rogue, image_rogue_end, NULL, NULL};
const struct app app_walker = {"walker", {TA_NAME_WALKER_A, TA_NAME_WALKER_B}, image_walker, image_walker_end, NULL, NULL};

static const struct app *const apps[] = {&app_echo,    &app_sorter, &app_interpreter, &app_sharer,
                                         &app_watcher, &app_rogue,  &app_walker};

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

bool apps_unregister(struct tee *tee)
{
    bool gone = true;
    size_t i;

    for (i = 0; i < sizeof apps / sizeof apps[0]; i++) {
        uint32_t result = tee_unregister(tee, &apps[i]->name);

        gone = (result == TEE_RESULT_OK || result == TEE_RESULT_ITEM_NOT_FOUND) && gone;
    }
    return gone;
}
