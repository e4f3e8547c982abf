"""Prompts that share a report follow one another on a slot; those that share an instruction spread."""

import asyncio

from oncofhir.inference.server.slots import Slots

INSTRUCTION = "Below is an instruction that describes a task. " * 5


def placed(prompts, count=4):
    async def go():
        slots = Slots(count)
        found = []
        gate = asyncio.Event()

        async def hold(prompt):
            async with slots.acquire(prompt) as slot:
                found.append((prompt, slot))
                await gate.wait()

        tasks = [asyncio.create_task(hold(prompt)) for prompt in prompts]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*tasks)
        return dict(found)

    return asyncio.run(go())


def test_the_questions_of_a_long_report_share_a_slot():
    report = INSTRUCTION + "The specimen is received in formalin. " * 150
    prompts = [f"{report} What is the {n}?" for n in range(8)]
    assert len(set(placed(prompts).values())) == 1


def test_short_prompts_of_one_instruction_spread():
    prompts = [f"{INSTRUCTION}{n} the tumor of this report measures {n} cm." for n in range(16)]
    used = list(placed(prompts).values())
    assert all(used.count(slot) >= 2 for slot in range(4))


def test_two_long_reports_take_two_slots():
    reports = ["The left breast. " * 300, "A right kidney. " * 300]
    prompts = [INSTRUCTION + r + f" What is the {n}?" for n in range(4) for r in reports]
    slots = placed(prompts)
    of_report = [{slots[p] for p in prompts if r in p} for r in reports]
    assert all(len(used) == 1 for used in of_report)
    assert of_report[0] != of_report[1]
