/* Preloaded into a server: every fsync and fdatasync takes SLOW_SYNC_MICROSECONDS longer and is counted in the file
 * SLOW_SYNC_COUNT, which holds one 64-bit number. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t *count;
static useconds_t delay;

__attribute__((constructor)) static void set_up(void) {
    const char *path = getenv("SLOW_SYNC_COUNT"), *microseconds = getenv("SLOW_SYNC_MICROSECONDS");
    int file = path ? open(path, O_RDWR) : -1;
    if (file < 0 || !microseconds) return;
    void *mapped = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED) return;
    count = mapped;
    delay = (useconds_t)atoi(microseconds);
}

static int slowly(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (count) {
        atomic_fetch_add(count, 1);
        usleep(delay);
    }
    return real(file);
}

int fsync(int file) { return slowly("fsync", file); }

int fdatasync(int file) { return slowly("fdatasync", file); }
