/* The parts of training: augmentation and batches, the adversary, the bench. */
#include "swap/training.h"

static double mean_of(const float *v, const float *mask, size_t pixels, int channel)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < pixels; i++) {
        sum += (double)(v[3 * i + (size_t)channel] * mask[i]);
        n += (double)mask[i];
    }
    return sum / n;
}

static void test_augment(void)
{
    enum { S = 48 };
    static float input[S * S * 3], target[S * S * 3], mask[S * S], weight[S * S], again[S * S * 3];
    lesson l;
    lesson_open(&l, 1);
    lk_swap_config c = lk_swap_config_default(S);
    swap_pick pick = {.seen = lk_dataset_at(l.source, 3), .wanted = lk_dataset_at(l.source, 3)};
    float tone[3], other[3];
    lk_sample s = lk_dataset_at(l.target, 0);
    swap_sample_tone(&pick.seen, tone);
    swap_sample_tone(&s, other);
    pick.tone_from = tone;

    /* Nothing asked for: the picture itself, twice. */
    swap_augment how = {0};
    lk_rng r = lk_rng_at(1, 2, 3, 4);
    swap_augment_make(&pick, &how, &c, &r, input, target, mask, weight);
    for (int i = 0; i < S * S * 3; i++) CHECK_NEAR(input[i], target[i], 1e-6);
    for (int k = 0; k < 3; k++) CHECK_NEAR(mean_of(target, mask, S * S, k), tone[k], 0.02);
    double least = 1, most = 0;
    for (int i = 0; i < S * S; i++) {
        CHECK(mask[i] >= 0 && mask[i] <= 1 && weight[i] > 0 && weight[i] < 5, "mask %f, weight %f",
              (double)mask[i], (double)weight[i]);
        least = fmin(least, weight[i]);
        most = fmax(most, weight[i]);
    }
    CHECK(least < 0.05 && most > 3.5, "weights from %.2f to %.2f: outside little, eyes and mouth much", least,
          most);

    /* The warp moves the input alone; light falls on both. */
    how.warp = 0.03f;
    how.light = 1;
    r = lk_rng_at(1, 2, 3, 5);
    swap_augment_make(&pick, &how, &c, &r, input, again, mask, weight);
    double moved = 0, lit = 0;
    for (int i = 0; i < S * S * 3; i++) {
        moved += fabs((double)(input[i] - again[i])) / (S * S * 3);
        lit += fabs((double)(target[i] - again[i])) / (S * S * 3);
    }
    CHECK(moved > 0.003 && lit > 0.003, "moved %.4f, lit %.4f", moved, lit);
    for (int k = 0; k < 3; k++)
        CHECK_NEAR(mean_of(input, mask, S * S, k), mean_of(again, mask, S * S, k), 0.04);

    /* The tone goes to the other person's, on the average over draws. */
    how = (swap_augment){.tone = 1};
    pick.tone_to = other;
    double before = fabs((double)(tone[0] - other[0])), after = 0;
    for (uint64_t i = 0; i < 40; i++) {
        r = lk_rng_at(1, 2, 4, i);
        swap_augment_make(&pick, &how, &c, &r, input, target, mask, weight);
        after += fabs(mean_of(target, mask, S * S, 0) - (double)other[0]) / 40;
    }
    CHECK(after < 0.5 * before, "%.3f away at first, %.3f after", before, after);
    lesson_close(&l);
}

static void test_batches(void)
{
    lesson l;
    lesson_open(&l, 1);
    swap_net net;
    swap_person people[2] = {{.data = l.source}, {.data = l.target}};
    swap_item items[2][4];
    swap_group groups[2];
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 4; i++) items[k][i] = (swap_item){k, i, k, i};
        groups[k] = (swap_group){items[k], 4, 1};
    }
    swap_material m = {.people = people, .person_count = 2, .side = {{&groups[0], 1}, {&groups[1], 1}}};
    CHECK_OK(swap_net_new(&net, &l.o.config, (int[]){4, 4}, false, LK_BACKEND_DNN, LK_F32, 1, &err), &err);
    swap_batch a, *b = NULL;
    swap_feed *feed = NULL;
    CHECK_OK(swap_batch_new(&a, &net, &err), &err);
    swap_augment how = {.warp = 0.02f, .light = 1, .rotate = 2};
    CHECK_OK(swap_feed_new(&feed, &m, &net, 9, &err), &err);
    for (int64_t step = 0; step < SWAP_AHEAD; step++) CHECK_OK(swap_feed_ask(feed, step, &how), &err);
    for (int64_t step = 0; step < 8; step++) { /* the thread's batches are those of a direct call */
        CHECK_OK(swap_feed_take(feed, &b), &err);
        CHECK_INT(b->step, step);
        swap_batch_fill(&m, &net, 9, step, &how, &a);
        size_t floats = 8 * 32 * 32;
        CHECK(!memcmp(a.input, b->input, 3 * floats * 4) && !memcmp(a.target, b->target, 3 * floats * 4) &&
              !memcmp(a.mask, b->mask, floats * 4),
              "step %d differs", (int)step);
        swap_feed_give_back(feed, b);
        CHECK_OK(swap_feed_ask(feed, step + SWAP_AHEAD, &how), &err);
    }
    swap_feed_free(&feed);
    swap_batch_clear(&a);
    swap_net_clear(&net);
    lesson_close(&l);
}

/* The judge learns to tell noise from stripes, and the gradient that it sends fools it. */
static void test_adversary(void)
{
    lk_thread_budget_set(1);
    swap_net net;
    swap_gan gan;
    swap_batch b;
    lk_swap_config c = {.size = 32, .enc = 4, .ae = 8, .dec = 4, .mask = 4, .coverage = 1};
    CHECK_OK(swap_net_new(&net, &c, (int[]){4, 4}, false, LK_BACKEND_DNN, LK_F32, 1, &err), &err);
    CHECK_OK(lk_params_train(net.params, true, &err), &err);
    CHECK_OK(lk_net_bind(net.net, &err), &err);
    CHECK_OK(swap_gan_new(&gan, &net, LK_BACKEND_DNN, LK_F32, 1, &err), &err);
    CHECK_OK(swap_batch_new(&b, &net, &err), &err);
    lk_rng r = lk_rng_at(1, 1, 1, 1);
    for (int i = 0; i < 8 * 32 * 32; i++) b.mask[i] = 1;
    lk_net_forward(net.net);
    float *face = lk_net_out(net.net, "src.face")->data;
    swap_gan_losses first = {0}, last = {0};
    for (int step = 0; step < 60; step++) {
        for (int i = 0; i < 4 * 32 * 32 * 3; i++) {
            b.target[i] = 0.5f + 0.3f * sinf((float)(i / 3 % 32) * 1.3f);
            face[i] = lk_rng_uniform(&r);
        }
        lk_net_zero_out_grads(net.net);
        last = swap_gan_step(&gan, &net, &b, 1.0f, 5.0f);
        if (!step) first = last;
    }
    CHECK(last.judge < 0.6 * first.judge, "judge's loss %.3f, then %.3f", first.judge, last.judge);
    CHECK(last.real_right > 0.95 && last.fake_right > 0.95, "right on %.2f of the true, %.2f of the made",
          last.real_right, last.fake_right);
    /* Follow the gradient, with the judge's own rate at zero: it must come to believe. */
    double fool = last.fool;
    for (int step = 0; step < 40; step++) {
        const float *g = lk_net_out_grad(net.net, "src.face")->data;
        double norm = 0;
        for (int i = 0; i < 4 * 32 * 32 * 3; i++) norm += (double)(g[i] * g[i]);
        for (int i = 0; i < 4 * 32 * 32 * 3; i++)
            face[i] = LK_CLAMP(face[i] - 2.0f * g[i] / (float)(sqrt(norm) + 1e-12), 0.0f, 1.0f);
        lk_net_zero_out_grads(net.net);
        last = swap_gan_step(&gan, &net, &b, 1.0f, 0.0f);
    }
    CHECK(last.fool < 0.5 * fool, "fooling costs %.3f, after following the gradient %.3f", fool, last.fool);
    /* Outside the mask the judge sees nothing, so it must ask for nothing there. */
    memset(b.mask, 0, 8 * 32 * 32 * sizeof *b.mask);
    lk_net_zero_out_grads(net.net);
    swap_gan_step(&gan, &net, &b, 1.0f, 0.0f);
    const float *g = lk_net_out_grad(net.net, "src.face")->data;
    for (int i = 0; i < 4 * 32 * 32 * 3; i++) CHECK(g[i] == 0, "a gradient outside the face");
    swap_batch_clear(&b);
    swap_gan_clear(&gan);
    swap_net_clear(&net);
}

static void test_bench(void)
{
    lk_swap_bench b;
    lk_thread_budget_set(1);
    lk_swap_config c = {.size = 32, .enc = 4, .ae = 8, .dec = 4, .mask = 4, .coverage = 1};
    CHECK_OK(lk_swap_bench_train(&c, 2, 0.05, LK_F32, &b, NULL, &err), &err);
    CHECK(b.images_per_second > 0 && b.gflops > 0 && b.steps > 0, "no speed");
    CHECK_NEAR(b.forward + b.loss + b.backward + b.optimise, 1, 1e-6);
    CHECK_NEAR(b.gflops, b.images_per_second * b.gflop_per_image, 1e-6 * b.gflops);
    CHECK_STATUS(lk_swap_bench_train(&c, 0, 0.05, LK_F32, &b, NULL, &err), LK_E_RANGE, &err);
    /* The default 96 px network costs what df-ud e32 ae128 d32 m16 is known to cost: 2.31 GFLOP forward. */
    swap_net net;
    lk_swap_config full = lk_swap_config_default(96);
    lk_net_stats st;
    CHECK_OK(swap_net_new(&net, &full, (int[]){1, 1}, false, LK_BACKEND_DNN, LK_F32, 1, &err), &err);
    lk_net_stats_get(net.net, &st);
    CHECK_NEAR(st.flops_forward / 2 * 1e-9, 2.31, 0.05);
    swap_net_clear(&net);
}

/* Eyes drawn with lids of a given gap on the mean shape: the measure follows the lids and nothing else. */
static void test_lids(void)
{
    lk_point mean[LK_LANDMARKS];
    float lm[136], usual = 0;
    lk_face_mean_shape(100, 1.25f, mean);
    for (int step = 0; step <= 4; step++) {
        float k = (float)step / 4;
        for (int turned = 0; turned < 2; turned++) {
            for (int i = 0; i < LK_LANDMARKS; i++) {
                float x = mean[i].x, y = mean[i].y;
                if (i >= 36 && i < 48) { /* lids to the line between the corners */
                    int a = i < 42 ? 36 : 42;
                    float line = (mean[a].y + mean[a + 3].y) / 2;
                    y = line + k * (y - line);
                }
                lm[2 * i] = turned ? 3 * y + 7 : x; /* three times as large, on its side */
                lm[2 * i + 1] = turned ? -3 * x : y;
            }
            float open = swap_eyes_open(lm);
            if (step == 0) CHECK(open < 0.06f, "shut eyes measure %f", (double)open);
            if (step == 4 && !turned) usual = open;
            if (step == 4) CHECK_NEAR(open, usual, 1e-3);
        }
    }
    CHECK(usual > 0.15f && usual < 0.8f, "open eyes measure %f", (double)usual);
    CHECK_NEAR(swap_eyes_shut(usual, usual), 0, 0);
    CHECK_NEAR(swap_eyes_shut(0.7f * usual, usual), 0, 0);
    CHECK_NEAR(swap_eyes_shut(0.59f * usual, usual), 0.5, 1e-3);
    CHECK_NEAR(swap_eyes_shut(0.4f * usual, usual), 1, 0);
    CHECK_NEAR(swap_eyes_shut(0.1f, 0), 0, 0); /* nobody knows what is usual */
    CHECK_NEAR(swap_eyes_shut(NAN, usual), 0, 0);
}

static const check_test tests[] = {{"augment", test_augment}, {"batches", test_batches},
                                   {"adversary", test_adversary}, {"lids", test_lids}, {"bench", test_bench}};
CHECK_MAIN(tests)
