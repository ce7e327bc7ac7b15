from clean import no_environment_of_the_caller  # noqa: F401 (for every test here)
