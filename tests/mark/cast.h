/* cast.h: what the tests of mark/ make things with: two people who agreed, a film, a desk with a demo key. */
#ifndef LK_TESTS_MARK_CAST_H
#define LK_TESTS_MARK_CAST_H

#include "consent/world.h"
#include "mark/mark.h"

static lk_error err;

/* What the tests make: Ann's face on Bob's clip. */
typedef struct cast {
    world w;
    lk_grant *ann, *bob;
    const lk_grant *grants[2];
    lk_use uses[2];
    lk_hash parents[1];
    lk_mark_origin origin;
    lk_mark_desk *desk;
} cast;

__attribute__((unused)) static void cast_open(cast *c, const char *name)
{
    *c = (cast){.w = world_new(name)};
    CHECK_OK(lk_grant_get(c->w.r, "Ann", LK_USE_FACE_SOURCE, "test", &c->ann, &err), &err);
    CHECK_OK(lk_grant_get(c->w.r, "Bob", LK_USE_FACE_TARGET, "test", &c->bob, &err), &err);
    c->grants[0] = c->ann;
    c->grants[1] = c->bob;
    c->uses[0] = LK_USE_FACE_SOURCE;
    c->uses[1] = LK_USE_FACE_TARGET;
    lk_asset film = {.hash = lk_hash_bytes("film", 4), .kind = "media", .path = "film.mp4"};
    CHECK_OK(lk_lineage_add(c->w.r, &film, NULL, 0, NULL, 0, &err), &err);
    c->parents[0] = film.hash;
    char keys_dir[160];
    lk_keys *keys = NULL;
    static const lk_keys_pass plain = {.file = NULL};
    snprintf(keys_dir, sizeof keys_dir, "%s/keys/mark", c->w.dir);
    CHECK_OK(lk_keys_make_demo(keys_dir, &err), &err);
    CHECK_OK(lk_keys_open(keys_dir, &plain, &keys, &err), &err);
    CHECK_OK(lk_mark_desk_open(c->w.dir, keys, &c->desk, &err), &err);
    c->origin = (lk_mark_origin){.registry = c->w.r,
                                 .desk = c->desk,
                                 .grants = c->grants,
                                 .uses = c->uses,
                                 .grant_count = 2,
                                 .parents = c->parents,
                                 .parent_count = 1,
                                 .action = "face swap",
                                 .model_card = "{\"model\":\"test\"}"};
}

__attribute__((unused)) static void cast_close(cast *c)
{
    lk_grant_free(&c->ann);
    lk_grant_free(&c->bob);
    lk_mark_desk_close(&c->desk);
    world_close(&c->w);
}

#endif
