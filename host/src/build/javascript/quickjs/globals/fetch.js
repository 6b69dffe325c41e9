export { Headers, Response, fetch } from "toolcell";
