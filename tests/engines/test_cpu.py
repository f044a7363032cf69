from vidlocal.engines.cpu import physical_cores, usable_cores


def test_a_model_gets_no_more_threads_than_cores() -> None:
    assert 1 <= physical_cores() <= usable_cores()
