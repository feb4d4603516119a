/* quire/list.h - intrusive circular doubly-linked list. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_LIST_H
#define QUIRE_LIST_H

#include "base.h"

/*
 * A list is a node that is no member of anything; the others embed a node. Every operation is O(1) unless it says so;
 * nothing locks, allocates, sleeps or fails.
 *
 *     head <-> a <-> b <-> head        an empty list's head, and a node on no list, points to itself
 *
 * Invariant: n->next->prev == n and n->prev->next == n.
 */
QUIRE_BEGIN

struct quire_list_node {
    struct quire_list_node *prev;
    struct quire_list_node *next;
};

/* Makes `node` an empty list, or a node on no list. */
static inline QUIRE_RESIDENT void quire_list_init(struct quire_list_node *node)
{
    node->prev = node;
    node->next = node;
}

/* Is the list empty, or the node on no list? */
static inline bool quire_list_empty(const struct quire_list_node *node)
{
    return node->next == node;
}

/* Inserts `node`, which is on no list, behind `where`: with a list's head, at its front. */
static inline void quire_list_insert_after(struct quire_list_node *where, struct quire_list_node *node)
{
    node->prev = where;
    node->next = where->next;
    where->next->prev = node;
    where->next = node;
}

/* Inserts `node`, which is on no list, before `where`: with a list's head, at its back. */
static inline void quire_list_insert_before(struct quire_list_node *where, struct quire_list_node *node)
{
    quire_list_insert_after(where->prev, node);
}

/* Takes `node` off its list, if it is on one. */
static inline QUIRE_RESIDENT void quire_list_remove(struct quire_list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    quire_list_init(node);
}

/* Does every neighbour agree, and does the walk return to `head` within `limit` nodes? O(length). */
static inline bool quire_list_check(const struct quire_list_node *head, size_t limit)
{
    const struct quire_list_node *node = head;
    size_t n = 0;

    do {
        if (node->next == NULL || node->prev == NULL || node->next->prev != node || node->prev->next != node || n++ > limit) {
            return false;
        }
        node = node->next;
    } while (node != head);
    return true;
}

QUIRE_END

#endif /* QUIRE_LIST_H */
