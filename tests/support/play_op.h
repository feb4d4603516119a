/* Inside play*.c: what the operations use of each other. */
#ifndef PLAY_OP_H
#define PLAY_OP_H

#include "play.h"

/* What failed: first the counts before an operation, then how many failed in it. */
struct play_hits {
    uint64_t alloc;
    uint64_t load;
    uint64_t save;
    uint64_t map;
    uint64_t stuck;
    enum quire_status answer; /* what the pager makes of a failing store */
    bool needs;               /* stores may need pages: what fails may have been one of these */
    bool owed;                /* and the reserve was short before */
    bool retried;             /* a failed load or save may have been made again, for fewer pages */
};

uint32_t play_below(struct play *play, uint32_t n);
bool play_chance(struct play *play, uint32_t one_in);
void play_fail(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Names the operation for messages. */
void play_op(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
void play_expect(struct play *play, enum quire_status status, uint32_t set);
uint32_t play_quarantined(struct play *play);
const unsigned char *play_kept(const struct play *play, unsigned object, uint32_t page);
/* Is the content what a load would find? */
bool play_same(const struct play *play, unsigned object, uint32_t page);
void play_arm(struct play *play, struct play_hits *hits);
void play_disarm(struct play *play, struct play_hits *hits);
uint32_t play_after_fault(const struct play_hits *hits, uint32_t set);
uint32_t play_after_areas(const struct play_hits *hits, uint32_t set);
void play_check(struct play *play);
void play_one(struct play *play);

/* Random choices; MODEL_OBJECTS or MODEL_VMS: there is none. */
unsigned play_pick_object(struct play *play);
unsigned play_pick_vm(struct play *play);

/* Areas. */
void play_map(struct play *play);
/* All of the object, to be read and written, at the lowest place where it fits, if there is one in some context. */
void play_map_all(struct play *play, unsigned object);
void play_unmap(struct play *play);
void play_protect(struct play *play);
void play_remap(struct play *play);
void play_merge(struct play *play);
void play_drop(struct play *play);
void play_stick(struct play *play);
void play_unstick(struct play *play);

/* Accesses. */
void play_access(struct play *play);
void play_instruction(struct play *play);
void play_copy(struct play *play);
void play_device(struct play *play);
/* Is `bytes` the page as the copy that is running leaves it, done so far? Then the model has it too. */
bool play_copied(struct play *play, unsigned object, uint32_t page, const unsigned char *bytes);
void play_flushing(void *user, const struct quire_batch *batch);

/* Stores that answer later. */
void play_answer(struct play *play);
void play_answer_all(struct play *play);
void play_tick(struct play *play);
/* More saves, where their answers come later. */
void play_save_later(struct play *play);
void play_idle(void *user);
/* Does the object's store answer later? */
bool play_pends(const struct play *play, unsigned object);
/* Answers of the object's store that are due. */
uint32_t play_in_flight(struct play *play, unsigned object);
/* Pages in quarantine because a store is late. */
uint32_t play_late_pages(const struct play *play);
/* What an operation on the object (MODEL_OBJECTS: any) may end with besides. */
uint32_t play_after_store(struct play *play, unsigned object, uint32_t set);

/* Sealed objects. */
void play_seal_begin(struct play *play);
void play_seal_end(struct play *play);
/* Lets the object's pages be sealed. */
void play_seal_object(struct play *play, unsigned object, struct quire_fobj_rw_config *config);
/* It was made: what has its metadata is kept by it alone; and was freed. */
void play_seal_made(struct play *play, struct play_object *o);
void play_seal_freed(struct play *play, struct play_object *o);
/* Objects that have metadata, and how many pages of them are in memory. */
uint32_t play_seal_objects(const struct play *play, uint32_t *pages);
/* A new key, or what is stored sealed under it. */
void play_rekey(struct play *play);

/* Objects and contexts. */
void play_new_object(struct play *play);
void play_new_copy(struct play *play);
void play_put(struct play *play);
void play_new_vm(struct play *play);
void play_end_vm(struct play *play);
void play_add_pages(struct play *play);
void play_pin(struct play *play);
void play_unpin(struct play *play);
void play_write_back(struct play *play);
void play_invalidate(struct play *play);

/* Memory that comes and goes. */
void play_shrink(struct play *play);
void play_remove(struct play *play);
void play_give_back(struct play *play);
void play_give_back_all(struct play *play);
void play_adopt(struct play *play);

/* Copies on write. An object that `object`, of this kind and not made yet, could become a copy of, sometimes; MODEL_OBJECTS: none. */
unsigned play_pick_origin(struct play *play, enum play_kind kind);
void play_make_copy(struct play *play, unsigned origin, unsigned object);
/* Whose page stands at the object's page: its own, or that of an origin. */
unsigned play_showing(const struct play *play, unsigned object, uint32_t page);
/* What is a copy's own must be, and what is not must not. */
void play_check_copies(struct play *play);

/* Advice. */
void play_populate(struct play *play);
void play_will_need(struct play *play);
void play_dont_need(struct play *play);
void play_free(struct play *play);
/* Logs of what is written. */
void play_log_start(struct play *play);
void play_log_read(struct play *play);
void play_log_stop(struct play *play);
/* Looks at a page that was let go, and lets the model know what it holds; before it is compared, and (sure) once it was written. */
void play_see(struct play *play, unsigned object, uint32_t page, bool sure);
/* These pages, out of circulation from now on, are the user's, who writes to them. */
void play_lend(struct play *play, struct quire_pa pa, uint32_t n);
/* Accounts. */
void play_new_account(struct play *play);
void play_limit(struct play *play);
void play_end_account(struct play *play);
/* Charges a new object to some account, perhaps. */
void play_charge(struct play *play, unsigned object);
/* What accounts have is what their objects have, and what their limits permit. */
void play_check_accounts(struct play *play);
/* Pages that objects of the account hold. */
uint32_t play_held_by(const struct play *play, unsigned account);
/* The root's struct, then the others end. */
void play_begin_accounts(struct play *play);
void play_end_accounts(struct play *play);

/* Makes an object whose store needs pages of another one; false if there is none that could be needed. */
bool play_make_need(struct play *play, unsigned object);
/* What is given to a store must be the content, no older and no other. */
void play_check_saved(struct play *play, struct quire_fobj *fobj, uint32_t page, const void *bytes);
/* Frees what nothing refers to any more, having looked for what it leaves behind. */
void play_bury(struct play *play);

#endif
