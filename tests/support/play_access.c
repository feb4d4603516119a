/* What contexts, processors, kernels and devices do with pages. */
#include <stdlib.h>
#include <string.h>

#include "play_op.h"

/* A cell: mostly a mapped one. */
static uint32_t pick_cell(struct play *play, unsigned vm)
{
    uint32_t at = play_below(play, MODEL_CELLS);
    uint32_t tries;

    for (tries = 0; tries < 12 && !play->model.cell[vm][at].mapped; tries++) {
        at = play_below(play, MODEL_CELLS);
    }
    return at;
}

/* An access that is permitted, mostly. */
static unsigned pick_access(struct play *play, unsigned vm, uint32_t at)
{
    unsigned access = 1u << play_below(play, 3);
    unsigned tries;

    for (tries = 0; tries < 4 && (play->model.cell[vm][at].prot & access) == 0; tries++) {
        access = 1u << play_below(play, 3);
    }
    return access;
}

static void random_bytes(struct play *play, unsigned char *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        bytes[i] = (unsigned char)play_random(play);
    }
}

/* May a processor's i-cache rightly hold other bytes than memory? Where code is written by its own program, it may. */
static bool code_is_known(const struct play *play, const struct model_cell *cell)
{
    return !play->object[cell->object]->wx && play->model.object[cell->object].write_pins[cell->page] == 0;
}

/* `len` bytes were accessed at byte `offset` of the cell. */
static void settle_access(struct play *play, unsigned vm, uint32_t at, unsigned access, size_t offset,
                          const unsigned char *bytes, size_t len)
{
    const struct model_cell *cell = &play->model.cell[vm][at];
    unsigned char *model = model_bytes(&play->model, vm, at);

    play_see(play, cell->object, cell->page, access == QUIRE_PROT_WRITE);
    if (access == QUIRE_PROT_WRITE) {
        memcpy(model + offset, bytes, len);
        play->log[vm].written[at] = true;
    } else if ((access == QUIRE_PROT_READ || code_is_known(play, cell)) && memcmp(model + offset, bytes, len) != 0) {
        play_fail(play, "page %u of object %u: other bytes at %zu", cell->page, cell->object, offset);
    }
    model_did_access(&play->model, vm, at, access == QUIRE_PROT_WRITE);
}

void play_access(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    struct quire_sim_thread thread;
    struct play_hits hits;
    unsigned char bytes[64];
    enum quire_status status;
    unsigned access;
    uint32_t quarantined;
    uint64_t back;
    uint32_t set;
    uint32_t at;
    size_t offset = play_below(play, (uint32_t)(RIG_PAGE - sizeof bytes));
    size_t len = 1u + play_below(play, sizeof bytes);

    if (vm == MODEL_VMS) {
        return;
    }
    at = pick_cell(play, vm);
    access = pick_access(play, vm, at);
    memset(&thread, 0, sizeof thread);
    thread.cpu = play_below(play, play->variant.rig.cpus);
    thread.thread = play_below(play, play->variant.rig.concurrency);
    thread.privileged = play_chance(play, 6);
    thread.wait_ok = play_chance(play, 2);
    random_bytes(play, bytes, len);
    play_op(play, "access %u of page %u of context %u", access, at, vm);
    quarantined = play_quarantined(play);
    set = model_may_access(&play->model, vm, at, access, thread.privileged, quarantined);
    if (quarantined == play_late_pages(play) && !play->model.cell[vm][at].stuck) {
        set &= ~MODEL_SET(QUIRE_STUCK); /* no MMU holds on to a page */
    }
    back = play->back;
    play_arm(play, &hits);
    status = quire_sim_run(&play->rig.sim, &thread, play->vm[vm], RIG_AT(at) + offset, access, bytes, len);
    play_disarm(play, &hits);
    if (play->back != back) { /* while it waited, late answers came: there was more room than when it began */
        uint32_t left = play->back - back < quarantined ? quarantined - (uint32_t)(play->back - back) : 0;

        set |= model_may_access(&play->model, vm, at, access, thread.privileged, left) & ~MODEL_SET(QUIRE_STUCK);
    }
    play_expect(play, status, play_after_store(play, play->model.cell[vm][at].object, play_after_fault(&hits, set)));
    if (status == QUIRE_OK && play->wrong[0] == '\0') {
        settle_access(play, vm, at, access, offset, bytes, len);
    }
}

/* An instruction that needs several pages at once: with enough pages for a step it always finishes. */
void play_instruction(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    uint32_t step = play->variant.rig.step != 0 ? play->variant.rig.step : QUIRE_PAGER_STEP_DEFAULT;
    struct quire_sim_operand operand[8];
    unsigned char bytes[8][8];
    struct quire_sim_thread thread;
    struct play_hits hits;
    enum quire_status status;
    uint32_t set = MODEL_OK;
    uint32_t at[8];
    uint32_t n = 1u + play_below(play, step);
    uint32_t i;

    if (vm == MODEL_VMS || play_quarantined(play) != 0) {
        return;
    }
    memset(&thread, 0, sizeof thread);
    thread.cpu = play_below(play, play->variant.rig.cpus);
    thread.thread = play_below(play, play->variant.rig.concurrency);
    for (i = 0; i < n; i++) {
        uint32_t may;

        at[i] = pick_cell(play, vm);
        operand[i].va = RIG_AT(at[i]) + 8u * play_below(play, (uint32_t)RIG_PAGE / 8u);
        operand[i].access = pick_access(play, vm, at[i]);
        operand[i].bytes = bytes[i];
        operand[i].len = 8;
        random_bytes(play, bytes[i], 8);
        may = model_may_access(&play->model, vm, at[i], operand[i].access, false, 0);
        if (may != MODEL_OK || play->model.cell[vm][at[i]].stuck) {
            return; /* single accesses try that */
        }
        if (play->model.object[play->model.cell[vm][at[i]].object].locked ||
            (operand[i].access == QUIRE_PROT_WRITE && !play->model.object[play->model.cell[vm][at[i]].object].saves)) {
            return; /* how many of these fit depends on the order of their faults */
        }
    }
    for (i = 0; i < n; i++) { /* reads and fetches of what the instruction itself writes say nothing */
        uint32_t j;

        for (j = 0; j < n; j++) {
            if (j != i && model_bytes(&play->model, vm, at[i]) == model_bytes(&play->model, vm, at[j]) &&
                (operand[i].access == QUIRE_PROT_WRITE || operand[j].access == QUIRE_PROT_WRITE)) {
                return;
            }
        }
    }
    play_op(play, "instruction with %u operands in context %u", n, vm);
    play_arm(play, &hits);
    status = quire_sim_step(&play->rig.sim, &thread, play->vm[vm], operand, n);
    play_disarm(play, &hits);
    set = play_after_store(play, MODEL_OBJECTS, play_after_fault(&hits, set)) | (hits.map > 0 ? MODEL_OK : 0);
    play_expect(play, status, set);
    for (i = 0; i < n && status == QUIRE_OK && play->wrong[0] == '\0'; i++) {
        settle_access(play, vm, at[i], operand[i].access, operand[i].va & QUIRE_PAGE_MASK, bytes[i], 8);
    }
    for (i = 0; i < n && status != QUIRE_OK; i++) { /* without effect, but a fault to write makes a page dirty */
        model_did_access(&play->model, vm, at[i], operand[i].access == QUIRE_PROT_WRITE);
    }
}

/* ---- Copies by the kernel ---- */

bool play_copied(struct play *play, unsigned object, uint32_t page, const unsigned char *bytes)
{
    unsigned char *model = play->model.object[object].content[page];
    size_t i = 0;

    while (play->copying.bytes != NULL && i < play->copying.len && memcmp(model, bytes, RIG_PAGE) != 0) {
        uint32_t at = play->copying.at + (uint32_t)((play->copying.offset + i) >> QUIRE_PAGE_SHIFT);
        size_t from = (play->copying.offset + i) & QUIRE_PAGE_MASK;
        size_t n = play->copying.len - i < RIG_PAGE - from ? play->copying.len - i : RIG_PAGE - from;

        if (at < MODEL_CELLS && model_bytes(&play->model, play->copying.vm, at) == model) {
            memcpy(model + from, play->copying.bytes + i, n);
        }
        i += n;
    }
    return memcmp(model, bytes, RIG_PAGE) == 0;
}

void play_copy(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    bool to = play_chance(play, 2);
    unsigned access = to ? QUIRE_PROT_WRITE : QUIRE_PROT_READ;
    size_t len = play_below(play, 3u * (uint32_t)RIG_PAGE);
    unsigned char *bytes = malloc(3u * RIG_PAGE);
    struct quire_vm_copy how;
    struct play_hits hits;
    enum quire_status status;
    uint32_t quarantined;
    uint32_t at;
    size_t offset = play_below(play, (uint32_t)RIG_PAGE);
    size_t done = 0;
    size_t i = 0;

    if (vm == MODEL_VMS || bytes == NULL) {
        free(bytes);
        return;
    }
    at = pick_cell(play, vm);
    memset(&how, 0, sizeof how);
    how.privileged = play_chance(play, 3);
    how.thread = play_below(play, play->variant.rig.concurrency);
    random_bytes(play, bytes, len);
    play_op(play, "copy %zu bytes %s page %u of context %u", len, to ? "to" : "from", at, vm);
    quarantined = play_quarantined(play);
    play->copying.running = true;
    play->copying.bytes = to ? bytes : NULL;
    play->copying.len = len;
    play->copying.offset = offset;
    play->copying.vm = vm;
    play->copying.at = at;
    play_arm(play, &hits);
    status = to ? quire_vm_copy_to(play->vm[vm], RIG_AT(at) + offset, bytes, len, &how, &done)
                : quire_vm_copy_from(play->vm[vm], RIG_AT(at) + offset, bytes, len, &how, &done);
    play_disarm(play, &hits);
    play->copying.running = false;
    play->copying.bytes = NULL;
    if (done > len || (status == QUIRE_OK && done != len)) {
        play_fail(play, "%s, and %zu bytes of %zu", quire_status_name(status), done, len);
    }
    while (i < done && play->wrong[0] == '\0') {
        uint32_t cell = at + (uint32_t)((offset + i) >> QUIRE_PAGE_SHIFT);
        size_t from = (offset + i) & QUIRE_PAGE_MASK;
        size_t n = done - i < RIG_PAGE - from ? done - i : RIG_PAGE - from;

        if (cell >= MODEL_CELLS ||
            (model_may_access(&play->model, vm, cell, access, how.privileged, quarantined) & MODEL_OK) == 0) {
            play_fail(play, "page %u was accessed, and may not be", cell);
        } else {
            settle_access(play, vm, cell, access, from, bytes + i, n);
        }
        i += n;
    }
    if (status != QUIRE_OK) {
        uint32_t cell = at + (uint32_t)((offset + done) >> QUIRE_PAGE_SHIFT);
        uint32_t set = cell < MODEL_CELLS ? model_may_access(&play->model, vm, cell, access, how.privileged, quarantined)
                                          : MODEL_SET(QUIRE_NOT_FOUND);

        play_expect(play, status, play_after_store(play, MODEL_OBJECTS, play_after_fault(&hits, set)));
    }
    free(bytes);
}

/* ---- Devices, through pins ---- */

/* A page that is written through a pin while it can be executed is its writer's affair until the pin ends. */
static bool may_execute(const struct play *play, unsigned object, uint32_t page)
{
    unsigned vm;
    uint32_t i;

    for (vm = 0; vm < MODEL_VMS; vm++) {
        for (i = 0; i < MODEL_CELLS; i++) {
            const struct model_cell *cell = &play->model.cell[vm][i];

            if (cell->mapped && cell->object == object && cell->page == page &&
                ((cell->prot & QUIRE_PROT_EXEC) != 0 || cell->loose)) {
                return true;
            }
        }
    }
    return false;
}

void play_device(struct play *play)
{
    const struct play_token *token = &play->token[play_below(play, PLAY_TOKENS)];
    bool write = token->pin.write && play_chance(play, 2);
    unsigned char bytes[32];
    unsigned char *model;
    struct quire_pa pa;
    size_t offset = play_below(play, (uint32_t)(RIG_PAGE - sizeof bytes));
    uint32_t page;

    if (token->pin.fobj == NULL) {
        return;
    }
    page = token->pin.first + play_below(play, token->pin.npages);
    write = write && !may_execute(play, token->object, page);
    play_op(play, "a device %s page %u of object %u", write ? "writes" : "reads", page, token->object);
    play_expect(play, quire_pin_pa(&token->pin, page - token->pin.first, &pa), MODEL_OK);
    pa.addr += offset;
    random_bytes(play, bytes, sizeof bytes);
    play_expect(play, quire_sim_device(&play->rig.sim, pa, write, bytes, sizeof bytes), MODEL_OK);
    play_see(play, token->object, page, write);
    model = play->model.object[token->object].content[page] + offset;
    if (write) {
        memcpy(model, bytes, sizeof bytes);
        model_did_touch(&play->model, token->object, page, true);
    } else if (memcmp(model, bytes, sizeof bytes) != 0) {
        play_fail(play, "other bytes at %zu", offset);
    }
}

/* What other processors do just before they are told to forget: they use what they remember. */
void play_flushing(void *user, const struct quire_batch *batch)
{
    struct play *play = user;
    unsigned tries;

    (void)batch;
    for (tries = 0; tries < 2u && play->wrong[0] == '\0' && !play->copying.running; tries++) {
        unsigned vm = play_pick_vm(play);
        unsigned char bytes[8];
        unsigned access;
        uint32_t at;

        if (vm == MODEL_VMS) {
            return;
        }
        at = pick_cell(play, vm);
        if (!play->model.cell[vm][at].mapped) {
            return;
        }
        access = pick_access(play, vm, at);
        random_bytes(play, bytes, sizeof bytes);
        if (quire_sim_access(&play->rig.sim, play_below(play, play->variant.rig.cpus), play->vm[vm], RIG_AT(at) + 16u, access,
                             false, bytes, sizeof bytes) == QUIRE_SIM_DONE) {
            settle_access(play, vm, at, access, 16, bytes, sizeof bytes);
        }
    }
}
