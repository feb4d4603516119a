/* pager_check.h and area.h: each invariant of areas and of the pager's lists is violated on purpose, seen, named, and put right. */
#include "check_world.h"

Test(pager_check_areas, check_names_a_broken_list)
{
    static const char what[] = "4: a list of the pager is broken";
    struct world w;

    world_start(&w);
    PLANT(&w, w.vm.link.next, &w.vm.link, what);
    PLANT(&w, w.vm2.link.prev, NULL, what);
    PLANT(&w, w.data->fobj.link.next, NULL, what);
    PLANT(&w, w.rig.pager.fobjs.prev, &w.data->fobj.link, what);
    END(&w.rig);
}

Test(pager_check_areas, check_names_a_broken_tree)
{
    struct quire_tree_node *vm_root;
    struct quire_tree_node *fobj_root;
    struct world w;

    world_start(&w);
    vm_root = w.vm.areas.root;
    fobj_root = w.data->fobj.areas.root;
    PLANT(&w, vm_root->height, vm_root->height + 1u, "4: the area tree of a vm is broken");
    PLANT(&w, vm_root->parent, vm_root, "4: the area tree of a vm is broken");
    PLANT(&w, fobj_root->height, fobj_root->height + 1u, "4: the area tree of an fobj is broken");
    END(&w.rig);
}

Test(pager_check_areas, check_names_an_area_that_shows_what_its_object_lacks)
{
    static const char what[] = "4: an area shows pages its fobj does not have";
    struct world w;

    world_start(&w);
    PLANT(&w, w.high->npages, 3, what);
    PLANT(&w, w.high->npages, 0, what);
    PLANT(&w, w.other->first, 1, what);
    PLANT(&w, w.data->fobj.num_pages, 7, what);
    /* The same seen from the object: no context of the pager leads there. */
    quire_list_remove(&w.vm2.link);
    PLANT(&w, w.other->npages, 9, what);
    w.other->fobj = &w.code->fobj;
    NAMED(&w, what);
    w.other->fobj = &w.data->fobj;
    quire_list_insert_before(&w.rig.pager.vms, &w.vm2.link);
    END(&w.rig);
}

Test(pager_check_areas, check_names_an_area_in_one_collection_only)
{
    static const char what[] = "4: an area is in one of its collections only";
    struct quire_area *code;
    struct world w;

    world_start(&w);
    code = quire_vm_area_at(&w.vm, CODE);
    PLANT(&w, code->fobj_node.height, 0, what);     /* it says itself that it is in one */
    PLANT(&w, w.code->fobj.areas.root, NULL, what); /* its object does not know it */
    w.vm2.num_areas = 0;
    w.vm2.areas.root = NULL; /* its context does not know it */
    NAMED(&w, what);
    w.vm2.num_areas = 1;
    w.vm2.areas.root = &w.other->vm_node;
    END(&w.rig);
}

Test(pager_check_areas, check_names_an_area_outside_its_context)
{
    static const char what[] = "4: an area lies outside its vm";
    struct world w;

    world_start(&w);
    PLANT(&w, w.vm2.last, RIG_AT(8) - 2u, what);
    PLANT(&w, w.vm2.first, RIG_AT(1), what);
    PLANT(&w, w.other->vm, &w.vm, what);
    END(&w.rig);
}

Test(pager_check_areas, check_names_areas_that_overlap)
{
    static const char what[] = "4: areas of a vm overlap";
    struct world w;

    world_start(&w);
    PLANT(&w, w.low->npages, 7, what);
    PLANT(&w, w.high->va, RIG_AT(5), what);
    END(&w.rig);
}

Test(pager_check_areas, check_names_a_wrong_count_of_areas)
{
    static const char what[] = "4: a vm counts its areas wrongly";
    struct world w;

    world_start(&w);
    PLANT(&w, w.vm.num_areas, w.vm.num_areas + 1u, what);
    PLANT(&w, w.vm2.num_areas, 0, what);
    END(&w.rig);
}

Test(pager_check_areas, check_names_a_dead_object_that_has_areas)
{
    struct world w;

    world_start(&w);
    PLANT(&w, w.data->fobj.refs.count, 0, "4: an fobj with an area is dead");
    END(&w.rig);
}

Test(pager_check_areas, check_names_areas_of_an_object_out_of_order)
{
    static const char what[] = "4: the area tree of an fobj is out of order";
    struct world w;

    world_start(&w);
    PLANT(&w, w.high->max_last, 12, what);
    PLANT(&w, w.other->max_last, 12, what);
    /* The order itself, seen from the object alone: the context would complain first. */
    w.low->first = 2;
    cr_expect_str_eq(quire_fobj_check_areas(&w.data->fobj), what);
    w.low->first = 0;
    END(&w.rig);
}
