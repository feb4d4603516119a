#define QUIRE_PAGE_SHIFT 12

extern void kernel_panic(const char *what) __attribute__((noreturn));
#define QUIRE_ASSERT(x) ((x) ? (void)0 : kernel_panic(#x))

/* Only for a kernel that pages itself: what a page fault runs and reads stays in sections that are never paged. */
#define QUIRE_RESIDENT __attribute__((section(".text.resident")))
