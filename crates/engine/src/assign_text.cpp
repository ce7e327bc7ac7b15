// Writing a long text allocates in the engine, which throws when its memory limit is reached.
// A C++ exception must not unwind into Rust (that aborts the process), so it is caught here.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>

extern "C" void duckdb_unsafe_vector_assign_string_element_len(void *vector, uint64_t row, const char *text,
                                                               uint64_t length_bytes);

static void copy_message(char *message, size_t capacity_bytes, const char *what) {
	std::strncpy(message, what, capacity_bytes - 1);
	message[capacity_bytes - 1] = '\0';
}

// Returns 0, or 1 with the exception's text in `message`.
extern "C" int lake_assign_text(void *vector, uint64_t row, const char *text, uint64_t length_bytes, char *message,
                                size_t capacity_bytes) noexcept {
	try {
		duckdb_unsafe_vector_assign_string_element_len(vector, row, text, length_bytes);
		return 0;
	} catch (const std::exception &exception) {
		copy_message(message, capacity_bytes, exception.what());
	} catch (...) {
		copy_message(message, capacity_bytes, "an unknown exception");
	}
	return 1;
}
