// SPDX-License-Identifier: Apache-2.0
#pragma once

// 1 where AddressSanitizer or ThreadSanitizer watches: freed memory is kept then, and each access takes ten times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VIDRA_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VIDRA_SANITIZED 1
#endif
#endif
#ifndef VIDRA_SANITIZED
#define VIDRA_SANITIZED 0
#endif

namespace vidra {

// Where a bound is reached by doing something a million times, bound and number are divided by it.
inline constexpr unsigned share = VIDRA_SANITIZED ? 8 : 1;

}  // namespace vidra
