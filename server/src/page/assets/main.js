// The page: it draws what the coordinator tells, and asks for nothing else.

import { budgets } from "./budget.js";
import { follow } from "./connection.js";
import { devices } from "./devices.js";
import { say } from "./elements.js";
import { health, refusals } from "./health.js";
import { ledgers } from "./ledger.js";
import { tasks } from "./tasks.js";

const parts = [budgets(), tasks(), ledgers(), devices(), refusals(), health()];
const connection = document.getElementById("connection");

function tell(answers) {
  connection.dataset.kind = answers ? "live" : "away";
  say(connection, answers ? "live" : "the coordinator is away: what is shown is the last it told");
}

follow((state) => parts.forEach((show) => show(state)), tell);
