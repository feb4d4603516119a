/* list.h: order, removal, and a check that sees each broken link. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "quire/list.h"

#define NODES 5u

static struct quire_list_node head;
static struct quire_list_node node[NODES];

static void fill(void)
{
    unsigned i;

    quire_list_init(&head);
    for (i = 0; i < NODES; i++) {
        quire_list_insert_before(&head, &node[i]);
    }
}

Test(list, new_list_is_empty_and_whole)
{
    quire_list_init(&head);
    cr_assert(quire_list_empty(&head));
    cr_assert(quire_list_check(&head, 0));
}

Test(list, insert_before_the_head_appends, .init = fill)
{
    const struct quire_list_node *at = head.next;
    unsigned i;

    for (i = 0; i < NODES; i++, at = at->next) {
        cr_assert_eq(at, &node[i]);
    }
    cr_assert_eq(at, &head);
    cr_assert_not(quire_list_empty(&head));
    cr_assert(quire_list_check(&head, NODES));
}

Test(list, insert_after_the_head_puts_first)
{
    unsigned i;

    quire_list_init(&head);
    for (i = 0; i < NODES; i++) {
        quire_list_insert_after(&head, &node[i]);
        cr_assert_eq(head.next, &node[i]);
        cr_assert_eq(head.prev, &node[0]);
    }
    cr_assert(quire_list_check(&head, NODES));
}

Test(list, removed_node_is_on_no_list_and_its_neighbours_meet, .init = fill)
{
    quire_list_remove(&node[2]);
    cr_assert(quire_list_empty(&node[2]));
    cr_assert_eq(node[1].next, &node[3]);
    cr_assert_eq(node[3].prev, &node[1]);
    cr_assert(quire_list_check(&head, NODES - 1u));
}

Test(list, removing_twice_changes_nothing, .init = fill)
{
    quire_list_remove(&node[0]);
    quire_list_remove(&node[0]);
    cr_assert_eq(head.next, &node[1]);
    cr_assert(quire_list_check(&head, NODES - 1u));
}

Test(list, list_is_empty_when_the_last_node_has_gone, .init = fill)
{
    unsigned i;

    for (i = 0; i < NODES; i++) {
        cr_assert_not(quire_list_empty(&head));
        quire_list_remove(&node[i]);
    }
    cr_assert(quire_list_empty(&head));
}

Test(list, check_refuses_a_list_longer_than_it_may_be, .init = fill)
{
    cr_assert(quire_list_check(&head, NODES));
    cr_assert_not(quire_list_check(&head, NODES - 1u));
    cr_assert_not(quire_list_check(&head, 0));
}

Test(list, check_sees_each_broken_link, .init = fill)
{
    unsigned i;

    for (i = 0; i < NODES; i++) {
        struct quire_list_node was = node[i];

        node[i].prev = NULL;
        cr_assert_not(quire_list_check(&head, NODES));
        node[i] = was;
        node[i].next = NULL;
        cr_assert_not(quire_list_check(&head, NODES));
        node[i] = was;
        node[i].prev = &node[i];
        cr_assert_not(quire_list_check(&head, NODES));
        node[i] = was;
        node[i].next = &node[i];
        cr_assert_not(quire_list_check(&head, NODES));
        node[i] = was;
        cr_assert(quire_list_check(&head, NODES));
    }
}

Test(list, check_ends_on_a_list_that_never_returns_to_its_head)
{
    struct quire_list_node a;
    struct quire_list_node b;

    /* head -> a -> b -> a -> ...: each of a and b agrees with its neighbour. */
    a.next = &b;
    a.prev = &b;
    b.next = &a;
    b.prev = &a;
    head.next = &a;
    head.prev = &a;
    cr_assert_not(quire_list_check(&head, 100));
}
