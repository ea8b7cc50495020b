import { expect, test } from "vitest";
import { AppTimeout, CarawayError, catalogue } from "#internal/errors/index";

test("an error survives the way to JSON and back as an instance of its own class, with place, evidence, hint and cause", () => {
  const error = new AppTimeout("CW-APP-002", "f ran longer than 5 ms", { where: { task: 7, attempt: 1 }, evidence: { ranMs: 6 }, cause: new TypeError("inner") });
  const back = CarawayError.fromJSON(JSON.parse(JSON.stringify(error)));
  expect(back).toBeInstanceOf(AppTimeout);
  expect(back).toMatchObject({ code: "CW-APP-002", origin: "app", retryable: true, where: { task: 7, attempt: 1 }, evidence: { ranMs: 6 }, hint: catalogue["CW-APP-002"].hint });
  expect((back.cause as Error).message).toBe("inner");
});
