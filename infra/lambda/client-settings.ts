/**
 * How every client of the functions meets a busy AWS: five tries, .1 s doubling with full jitter (.5 s where AWS throttles, 20 s
 * at most), about four seconds in all; then ThrottledError, which the workflows retry with longer waits of their own.
 */
export const CLIENT = { maxAttempts: 5, retryMode: "standard" } as const;
