// Whether the code is compiled with a sanitizer, which takes address space and threads of its own. GCC says
// so by macros, Clang by features.
#pragma once

#if !defined(__has_feature)
#define __has_feature(name) 0
#endif

namespace tw {

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

}  // namespace tw
